import type { Criticality } from '@fairlead/core';
import { Admission } from './admission.ts';
import type { BreakerTransition } from './breaker-state.ts';
import { Breaker } from './breaker.ts';
import type { CallParts } from './call-parts.ts';
import { Counters } from './counters.ts';
import { createGate } from './create-gate.ts';
import { outcomeByRules, outcomeOfFailure } from './failure-outcome.ts';
import { Front } from './front.ts';
import { HedgeDelay } from './hedge-delay.ts';
import { LateWork } from './late-work.ts';
import type { PolicyEvent } from './observe.ts';
import type { PolicyPorts } from './policy-ports.ts';
import type { PolicyState } from './policy-state.ts';
import type { Rejection } from './rejection.ts';
import { RetryBudget } from './retry-budget.ts';
import { Shedder } from './shedder.ts';
import type { ResolvedPolicy } from './spec.ts';
import { WakeUps } from './wake-ups.ts';

/** The parts of one policy, and what the policy itself asks of them. */
export interface PolicyParts extends CallParts {
  readonly breaker: Breaker | undefined;
  /** What answers calls without their work; `undefined` when nothing does. */
  readonly front: Front | undefined;
  readonly inspect: (nowMs: number) => PolicyState;
}

const NO_ADMISSION = { rateLimit: undefined, quota: undefined };
const NO_FRONT = { cache: undefined, coalesce: undefined, fallback: undefined };

/** Makes the parts that a specification asks for. */
export function createParts(name: string, resolved: ResolvedPolicy, ports: PolicyPorts): PolicyParts {
  const { clock, random } = ports;
  const { timeout, retry, hedge } = resolved;
  const counters = new Counters();
  const late = new LateWork(timeout);
  const budget = resolved.budget === undefined ? undefined : (ports.budget ?? new RetryBudget(resolved.budget));
  const gate = resolved.concurrency === undefined ? undefined : createGate(resolved.concurrency, ports);
  const hedgeDelay = hedge === undefined ? undefined : new HedgeDelay(hedge.delay);
  const observe = ports.observe === undefined ? undefined : quietly(ports.observe, counters);
  const failures = resolved.breaker?.failures;
  const onTransition =
    observe === undefined
      ? undefined
      : (transition: BreakerTransition) =>
          observe({ kind: 'breaker', policy: name, atMs: transition.atMs, transition });
  const shedder =
    resolved.shed === undefined
      ? undefined
      : new Shedder(resolved.shed, {
          random,
          queueDelayMs: gate === undefined ? undefined : (nowMs) => gate.queueDelayMs(nowMs),
          loopDelayMs: ports.loopDelayMs,
        });
  const breaker = resolved.breaker === undefined ? undefined : new Breaker(resolved.breaker, { random, onTransition });
  const { rateLimit, quota } = resolved;
  const admission =
    rateLimit === undefined && quota === undefined
      ? undefined
      : new Admission(name, { rateLimit, quota }, { ...ports, observe });
  const hasFront = [resolved.fallback, resolved.cache, resolved.coalesce].some((each) => each !== undefined);
  const wakeUps = new WakeUps(clock);
  const isGuarded = hasFront || admission !== undefined || shedder !== undefined;
  const parts: CallParts & Pick<PolicyParts, 'breaker'> = {
    name,
    clock,
    random,
    wakeUps,
    late,
    counters,
    start: isGuarded || hedge !== undefined ? 'time' : isTimed(resolved, observe) ? 'stamp' : 'unknown',
    isGuarded,
    totalMs: timeout.totalMs,
    attemptMs: timeout.attemptMs,
    hasTimeout: Math.min(timeout.totalMs, timeout.attemptMs) < Infinity,
    admit: admission === undefined ? undefined : (ctx, facts, nowMs) => admission.admit(ctx, facts, nowMs),
    shed:
      shedder === undefined
        ? undefined
        : ({ criticality }, nowMs) =>
            shedder.admits(criticality, nowMs) ? undefined : shedRejection(name, criticality, shedder),
    retry,
    hedge,
    hedgeDelay,
    budget,
    breaker,
    gate,
    isFailure: resolved.isFailure,
    outcomeOf:
      failures === undefined ? outcomeOfFailure : (failed, returned) => outcomeByRules(failures, failed, returned),
    observe,
    rejectOpen(nowMs) {
      const retryAfterMs = breaker?.retryAfterMs(nowMs);
      return {
        cause: 'open',
        policy: name,
        rule: 'breaker',
        measured: breaker?.why() ?? {},
        retryAfterMs: retryAfterMs === Infinity ? undefined : retryAfterMs,
      };
    },
    rejectBudget: (nowMs) => ({
      cause: 'budget',
      policy: name,
      rule: 'budget',
      measured: { ...budget?.inspect(nowMs) },
      retryAfterMs: budget?.retryAfterMs(nowMs),
    }),
    rejectGate: ({ cause, retryAfterMs, waitedMs, limit, inUse, queued }) => ({
      cause,
      policy: name,
      rule: 'concurrency',
      measured: { waitedMs, limit, inUse, queued },
      retryAfterMs: cause === 'full' || cause === 'queue-timeout' ? retryAfterMs : undefined,
    }),
    reject(rejection, nowMs) {
      counters.rejected[rejection.cause]++;
      observe?.({ kind: 'rejected', policy: name, atMs: nowMs, rejection });
    },
  };
  const front =
    hasFront || admission?.isShared === true ? new Front(parts, resolved, admission, ports.defer) : undefined;
  return {
    ...parts,
    front,
    inspect(nowMs) {
      const delayMs = hedgeDelay?.delayMs();
      return {
        policy: name,
        counts: counters.snapshot(),
        late: late.inspect(nowMs),
        shed: shedder?.inspect(),
        budget: budget?.inspect(nowMs),
        breaker: breaker?.inspect(nowMs),
        concurrency: gate?.inspect(nowMs),
        hedgeDelayMs: delayMs === Infinity ? undefined : delayMs,
        ...(admission?.inspect(nowMs) ?? NO_ADMISSION),
        ...(front?.inspect() ?? NO_FRONT),
      };
    },
  };
}

/** Whether anything but a breaker that isn't closed needs to know when calls begin. */
function isTimed(resolved: ResolvedPolicy, observe: PolicyParts['observe']): boolean {
  const { timeout, breaker, isFailure: _, ...others } = resolved;
  const longestMs = Math.min(timeout.totalMs, timeout.attemptMs, breaker?.slowAfterMs ?? Infinity);
  return observe !== undefined || longestMs < Infinity || Object.values(others).some((each) => each !== undefined);
}

function shedRejection(policy: string, criticality: Criticality, shedder: Shedder): Rejection {
  const { admittedRatio, queueDelayMs, loopDelayMs } = shedder.inspect();
  const measured = { criticality, admittedRatio, queueDelayMs, loopDelayMs };
  return { cause: 'shed', policy, rule: 'shed', measured, retryAfterMs: shedder.retryAfterMs() };
}

/** An observer whose exceptions are counted and reach nobody. */
function quietly(observe: (event: PolicyEvent) => void, counters: Counters): (event: PolicyEvent) => void {
  return (event) => {
    try {
      observe(event);
    } catch {
      counters.observerErrors++;
    }
  };
}
