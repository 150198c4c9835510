import type { BreakerMeasure, BreakerState } from './breaker-state.ts';
import type { GateState } from './gate.ts';
import type { LateWorkState } from './late-work.ts';
import type { PolicyState } from './policy-state.ts';
import { durationText } from './readers.ts';

/**
 * Says in one line what a policy holds back now and why: a breaker that does not let calls pass, slots that are all
 * taken, work that does not stop.
 * @returns `undefined` when there is nothing to say
 */
export function trouble({ breaker, concurrency, late }: PolicyState): string | undefined {
  const said = [
    breaker === undefined ? undefined : breakerTrouble(breaker),
    concurrency === undefined ? undefined : gateTrouble(concurrency),
    lateTrouble(late),
  ].filter((each) => each !== undefined);
  return said.length === 0 ? undefined : said.join('; ');
}

function breakerTrouble(state: BreakerState): string | undefined {
  const { forMs, retryAfterMs, probes } = state;
  const since = forMs === undefined ? '' : ` for ${rounded(forMs)}`;
  switch (state.state) {
    case 'open': {
      const next = retryAfterMs === undefined ? '' : `; tries again in ${rounded(retryAfterMs)}`;
      return `breaker open${since}: ${reason(state)}${next}`;
    }
    case 'half-open':
      return `breaker half-open${since}: ${probes?.out ?? 0} calls try it out, ${probes?.free ?? 0} more may`;
    case 'forced-open':
      return `breaker open by order${since}`;
    default:
      return undefined;
  }
}

function reason({ cause, measured }: BreakerState): string {
  const { calls, failures, slow } = measured;
  switch (cause) {
    case 'slow-ratio':
      return `${slow} of ${calls} calls were slow${percent(measured.slowRatio)}`;
    case 'lease':
      return 'calls that tried it out were never heard of';
    default:
      return `${failures} of ${calls} calls failed${percent(measured.failureRatio)}`;
  }
}

function percent(ratio: BreakerMeasure['failureRatio']): string {
  return ` (${Math.round(ratio * 100)} %)`;
}

function gateTrouble({ limit, inUse, waiting, oldestWaitMs }: GateState): string | undefined {
  if (waiting === 0) return undefined;
  return `all ${limit.current} slots taken (${inUse} in use), ${waiting} waiting, the first for ${rounded(oldestWaitMs)}`;
}

function lateTrouble({ stuck, oldestMs }: LateWorkState): string | undefined {
  return stuck === 0 ? undefined : `${stuck} attempts do not stop, the oldest since ${rounded(oldestMs)}`;
}

/** Seconds from one on, for nobody reads milliseconds of minutes. */
function rounded(ms: number): string {
  return durationText(ms < 1_000 ? Math.ceil(ms) : 1_000 * Math.round(ms / 1_000));
}
