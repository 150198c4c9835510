import { seededRandom } from '@fairlead/core';
import fc from 'fast-check';
import { resolveBreaker, type BreakerSpec } from './breaker-options.ts';
import type { BreakerMode, BreakerState, BreakerTransition } from './breaker-state.ts';
import { Breaker } from './breaker.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import { Problems } from './problems.ts';

export const SLOW_MS = 5_000;
/** The breaker that most tests of resilience4j use. Its open time neither grows nor varies. */
export const RESILIENCE4J: BreakerSpec = {
  window: '20s',
  buckets: 20,
  minCalls: 5,
  failureRatio: '50%',
  slowRatio: '50%',
  slowAfter: '4s',
  openFor: '5s',
  openGrowth: 1,
  openJitter: '0%',
  probes: 4,
  probeLease: '1s',
};

/** A breaker with a time of its own, and what it told. */
export class Driven {
  nowMs = 0;
  readonly told: BreakerTransition[] = [];
  readonly breaker: Breaker;

  constructor(spec: BreakerSpec = RESILIENCE4J, random = { next: () => 0.5 }) {
    const problems = new Problems();
    const resolved = resolveBreaker(spec, problems, Infinity);
    if (resolved === undefined || problems.found.length > 0) throw new Error(problems.found.join('\n'));
    this.breaker = new Breaker(resolved, { random, onTransition: (transition) => this.told.push(transition) });
  }

  acquire(): number {
    return this.breaker.acquire(this.nowMs);
  }

  record(permit: number, outcome: Outcome, durationMs = 0): void {
    this.breaker.record(permit, outcome, durationMs, this.nowMs);
  }

  /** A call that ends at once; whether it was let through. */
  call(outcome: Outcome, durationMs = 0): boolean {
    const permit = this.acquire();
    if (permit >= 0) this.record(permit, outcome, durationMs);
    return permit >= 0;
  }

  /** Calls that must all be let through. */
  calls(times: number, outcome: Outcome, durationMs = 0): void {
    for (let call = 0; call < times; call++) {
      if (!this.call(outcome, durationMs)) throw new Error(`call ${call} was refused: ${this.state.state}`);
    }
  }

  force(mode: BreakerMode): void {
    this.breaker.force(mode, this.nowMs);
  }

  get state(): BreakerState {
    return this.breaker.inspect(this.nowMs);
  }

  /** Half-open, with nothing tried yet. */
  toHalfOpen(): this {
    this.force('open');
    this.force('auto');
    return this.#is('half-open');
  }

  /** Open by its own rule. */
  toOpen(): this {
    while (this.state.state === 'closed') this.call(FAILURE);
    return this.#is('open');
  }

  #is(state: string): this {
    if (this.state.state !== state) throw new Error(`It is ${this.state.state}, not ${state}.`);
    return this;
  }

  get moves(): string[] {
    return this.told.map(({ from, to, cause }) => `${from} → ${to} (${cause})`);
  }
}

type Step =
  | { readonly kind: 'begin' }
  | { readonly kind: 'end'; readonly which: number; readonly outcome: Outcome; readonly durationMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'force'; readonly mode: BreakerMode };

const end = fc.record({
  kind: fc.constant('end' as const),
  which: fc.nat(),
  outcome: fc.constantFrom<Outcome>(SUCCESS, FAILURE, FAILURE, FAILURE, IGNORED),
  durationMs: fc.constantFrom(0, 0, 0, SLOW_MS),
});
const begin = fc.record({ kind: fc.constant('begin' as const) });
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.oneof(fc.nat(200), fc.nat(2_000), fc.nat(30_000)),
});
const force = fc.record({
  kind: fc.constant('force' as const),
  mode: fc.constantFrom<BreakerMode>('auto', 'auto', 'open', 'closed', 'disabled', 'metrics-only'),
});
/** Random plans for a breaker. */
export const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: begin },
    { weight: 8, arbitrary: end },
    { weight: 3, arbitrary: wait },
    { weight: 1, arbitrary: force },
  ),
  { maxLength: 120 },
);

interface Issued {
  readonly permit: number;
  readonly generation: number;
}

/** Plays a plan on a breaker with random open times; `meanwhile` is told before each wait, with when it ends. */
export function playSteps(
  plan: readonly Step[],
  meanwhile: (driven: Driven, untilMs: number, issued: readonly Issued[]) => void = () => {},
): Driven {
  const driven = new Driven(
    { ...RESILIENCE4J, openGrowth: 2, openMax: '60s', openJitter: '20%' },
    seededRandom('breaker'),
  );
  const running: Issued[] = [];
  const issued: Issued[] = [];
  for (const step of plan) {
    if (step.kind === 'begin') {
      const permit = driven.acquire();
      if (permit < 0) continue;
      const one = { permit, generation: driven.state.generation };
      running.push(one);
      issued.push(one);
    } else if (step.kind === 'end') {
      const [one] = running.splice(step.which % Math.max(1, running.length), 1);
      if (one !== undefined) driven.record(one.permit, step.outcome, step.durationMs);
    } else if (step.kind === 'force') driven.force(step.mode);
    else {
      meanwhile(driven, driven.nowMs + step.ms, issued);
      driven.nowMs += step.ms;
    }
  }
  return driven;
}
