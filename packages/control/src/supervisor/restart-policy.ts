import type { Random } from '@fairlead/core';

/** When an instance that ended unasked is started again. */
export interface RestartPolicy {
  /** Delay before the second restart in milliseconds; the first comes at once, each further one waits twice as long. Default 100. */
  readonly baseMs: number;
  /** The longest delay in milliseconds. Default 10 000. */
  readonly maxMs: number;
  /** Being ready for so long, in milliseconds, clears the count of quick exits. Default 30 000. */
  readonly resetAfterMs: number;
  /** Exits in a row, none after `resetAfterMs` of readiness, that make a crash loop. Default 5. */
  readonly crashLoopExits: number;
}

/** Calm for a person who watches, quick for a process that was killed. */
export const RESTART_DEFAULTS: RestartPolicy = { baseMs: 100, maxMs: 10_000, resetAfterMs: 30_000, crashLoopExits: 5 };

/** What to do about an exit. */
export interface RestartDecision {
  readonly state: 'backoff' | 'crash-loop';
  readonly delayMs: number;
  /** Quick exits in a row, this one included. */
  readonly quickExits: number;
}

/**
 * What follows an exit: `quickExits` as the last decision left it (0 at first), `readyForMs` how long the instance had
 * been ready, 0 if it never was. The delay is spread over its upper half, so that instances that fell together don't
 * come back together.
 */
export function restartAfter(
  exit: { readonly quickExits: number; readonly readyForMs: number },
  policy: RestartPolicy,
  random: Random,
): RestartDecision {
  const quickExits = exit.readyForMs >= policy.resetAfterMs ? 1 : exit.quickExits + 1;
  const state = quickExits >= policy.crashLoopExits ? 'crash-loop' : 'backoff';
  if (quickExits === 1) return { state, delayMs: 0, quickExits };
  const longest = Math.min(policy.maxMs, policy.baseMs * 2 ** (quickExits - 2));
  return { state, delayMs: longest / 2 + (random.next() * longest) / 2, quickExits };
}
