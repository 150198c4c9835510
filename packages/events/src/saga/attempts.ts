import { FairleadError, type Clock, type Context, type Random } from '@fairlead/core';
import { retryDelays, type RetryDelays } from '@fairlead/policy';
import { failureOf, nextAttempt } from '@fairlead/store';
import { durationMs } from './duration.ts';
import { failureFrom } from './execution.ts';
import type { Failing } from './run-body.ts';
import type { SagaDuration, SagaFailure, StepRetry } from './saga-types.ts';

/** How something is tried again and again. */
export interface AttemptRules {
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly delays: RetryDelays;
}

/** What came of trying. `ended`: the Context has; nothing is known. */
export type Attempted =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly failure: SagaFailure; readonly attempts: number }
  | { readonly kind: 'later'; readonly failing: Failing }
  | { readonly kind: 'ended' };

/** What attempts are made with. */
export interface AttemptGround {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since the epoch by `fairlead.now()`. */
  readonly nowMs: () => number;
  /** The longest pause that is waited for here. */
  readonly lingerMs: number;
}

const DEFAULTS = { backoff: { base: '1s', cap: '5m' }, timeout: '5m' } as const;
const MAX_ATTEMPTS = 1_000_000;
/** How long work has to settle after its time is over, before it counts as failed. */
const SETTLE_MS = 5_000;

/** @throws MISCONFIGURED for a value out of range */
export function attemptRules(
  place: string,
  retry: StepRetry = {},
  timeout: SagaDuration = DEFAULTS.timeout,
  defaultAttempts = 10,
): AttemptRules {
  const { attempts = defaultAttempts, backoff } = retry;
  if (!Number.isSafeInteger(attempts) || attempts < 1 || attempts > MAX_ATTEMPTS)
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${place}: retry.attempts is ${attempts}; give a whole number from 1 to ${MAX_ATTEMPTS}.`,
    );
  return {
    maxAttempts: attempts,
    timeoutMs: durationMs(timeout, `${place}: timeout`) || Infinity,
    delays: retryDelays({ ...DEFAULTS.backoff, ...backoff }, place),
  };
}

/**
 * Tries `work` until it has succeeded, no attempt is left, or the next one is so far away that nobody should wait for it. `failing` is what is
 * known of attempts before. An error that says of itself that a repeat is vain is not repeated; one that says that nothing
 * was begun does not count.
 */
export async function attempt(
  ctx: Context,
  ground: AttemptGround,
  rules: AttemptRules,
  failing: Failing | undefined,
  work: (ctx: Context) => unknown,
): Promise<Attempted> {
  let tried = { attempts: failing?.attempts ?? 0, postponed: failing?.postponed ?? 0 };
  for (;;) {
    const result = await once(ctx, ground.clock, rules.timeoutMs, work);
    if ('value' in result) return { kind: 'done', value: result.value };
    if (ctx.signal.aborted) return { kind: 'ended' };
    const { error } = result;
    const known = failureOf(error, ctx);
    tried = { attempts: tried.attempts + 1, postponed: tried.postponed + (known.postponed ? 1 : 0) };
    const { dead, delayMs } = nextAttempt(tried, known, {
      maxAttempts: rules.maxAttempts,
      attemptDelays: { delayFor: (n) => rules.delays(Math.max(1, n), ground.random) },
    });
    const failure = failureFrom(error);
    if (dead || isVain(error)) return { kind: 'failed', failure, attempts: tried.attempts };
    if (delayMs > ground.lingerMs)
      return { kind: 'later', failing: { ...tried, failure, nextAt: Math.ceil(ground.nowMs() + delayMs) } };
    try {
      await ground.clock.sleep(delayMs, ctx.signal);
    } catch {
      return { kind: 'ended' };
    }
  }
}

function isVain(error: unknown): boolean {
  return error instanceof FairleadError && (error.kind === 'invalid' || error.details['retry'] === false);
}

/** One attempt: settles with the work, or when its time is over and it does not settle soon. */
async function once(
  parent: Context,
  clock: Clock,
  timeoutMs: number,
  work: (ctx: Context) => unknown,
): Promise<{ readonly value: unknown } | { readonly error: unknown }> {
  using ctx = parent.withTimeout(timeoutMs);
  const { promise, resolve } = Promise.withResolvers<{ readonly value: unknown } | { readonly error: unknown }>();
  let overdue = (): void => {};
  const stop = ctx.onEnd((reason) => {
    const timer = clock.setTimer(SETTLE_MS, () => resolve({ error: reason }));
    overdue = () => timer.cancel();
  });
  const working = async (): Promise<unknown> => work(ctx);
  working().then(
    (value) => resolve({ value }),
    (error: unknown) => resolve({ error }),
  );
  try {
    return await promise;
  } finally {
    stop();
    overdue();
  }
}
