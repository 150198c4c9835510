import type { BreakerMode } from './breaker-state.ts';
import type { WindowRule } from './outcome-window.ts';
import { MOST_PROBES } from './probes.ts';
import type { Problems } from './problems.ts';
import { durationText, Fields, parseDurationMs, shown, type DurationText, type RatioText } from './readers.ts';

/** When calls are stopped, and when they are tried again. */
export interface BreakerSpec {
  /**
   * What is judged: the calls of the latest so much time, or the latest so many calls however old they are. Default
   * `10s`; from `10ms` to `1h`, or from 1 to 100 000 calls.
   */
  readonly window?: DurationText | number;
  /** For a window of time: in how many parts it is forgotten, 1 to 100. Default 10. */
  readonly buckets?: number;
  /** How many calls the window must have to be judged. Default 20, or all of a window of fewer calls. */
  readonly minCalls?: number;
  /** It opens when so many of the window's calls failed. Default `50%`; `off` never for failures. */
  readonly failureRatio?: RatioText | 'off';
  /** It opens when so many of the window's calls were slow. Default `80%`; `off` never for slow calls. */
  readonly slowRatio?: RatioText | 'off';
  /**
   * A call that took longer is slow, whether it failed or not. Default 0.8 times `timeout.attempt`, or `timeout.total`
   * without that; without either, no call is slow. Of calls that share a turn of the event loop with others of this policy,
   * what the process itself was busy with in the turns of their beginning and end may be missing.
   */
  readonly slowAfter?: DurationText;
  /** How long it stays open the first time. Default `5s`. */
  readonly openFor?: DurationText;
  /** How many times as long it stays open each time that it opens again without having closed; 1 to 10. Default 2. */
  readonly openGrowth?: number;
  /** The longest it stays open, before jitter. Default `60s`, or `openFor` if that is longer. */
  readonly openMax?: DurationText;
  /** By how much the open time varies at random, up and down; at most `50%`. Default `20%`; `0%` is exact. */
  readonly openJitter?: RatioText;
  /**
   * How many calls are let through to find out, once it was open long enough; 1 to 1 000. The ratios decide over these
   * as over the window: it closes or opens again as soon as the missing ones can't change it. Default 5.
   */
  readonly probes?: number;
  /**
   * A probe that isn't heard of for so long counts as failed. Default twice `timeout.attempt`, or `timeout.total`
   * without that; without either `30s`.
   */
  readonly probeLease?: DurationText;
  /** How it begins. Default `auto`; see `Policy.force`. */
  readonly mode?: BreakerMode;
  /**
   * Errors with one of these codes are failures, and others without a status are answers, which count as success.
   * Default: every error that has no status is a failure.
   */
  readonly codes?: readonly string[];
  /**
   * HTTP statuses that are failures, `5xx` being all of them; other statuses are answers, which count as success. An
   * error of ours has the status of its kind. Default 408 and `5xx`, except what says that there is only too much to do
   * (429, 503 with `Retry-After`, what a policy over there rejected): that counts as neither, for limits and budgets
   * answer load, and a breaker would take away the capacity that is left. An empty list: only `codes` count.
   */
  readonly statuses?: readonly (number | '4xx' | '5xx')[];
  /** Codes that count as neither failure nor success, whatever else is listed. Default none. */
  readonly ignoreCodes?: readonly string[];
  /** Statuses that count as neither failure nor success, whatever else is listed. Default none. */
  readonly ignoreStatuses?: readonly (number | '4xx' | '5xx')[];
}

/** What JSON can't say about breakers. */
export interface BreakerCode {
  /**
   * What a failed attempt says about whom was called, before the lists are asked; `undefined` leaves it to them. Asked
   * for errors, and for values that `isFailure` calls failures. Must not wait; one that throws has called it a failure.
   * Rejections of policies and cancelled calls say nothing, whatever this thinks of them.
   */
  readonly judge?: ((failed: unknown, returned: boolean) => 'success' | 'failure' | 'ignore' | undefined) | undefined;
}

/** What a failed attempt says about whom was called, as it is used. */
export interface FailureRules {
  /** `undefined`: every error without a status. */
  readonly codes: ReadonlySet<string> | undefined;
  readonly statuses: ReadonlySet<number>;
  /** Whether being turned away for too much load counts as neither failure nor success. */
  readonly ignoreOverload: boolean;
  readonly ignoreCodes: ReadonlySet<string>;
  readonly ignoreStatuses: ReadonlySet<number>;
  readonly judge: BreakerCode['judge'];
}

/** When calls are stopped, as it is used. */
export interface ResolvedBreaker {
  readonly window: WindowRule;
  readonly minCalls: number;
  /** 0 to 1; `Infinity` for never. */
  readonly failureRatio: number;
  /** 0 to 1; `Infinity` for never. */
  readonly slowRatio: number;
  /** `Infinity`: no call is slow. */
  readonly slowAfterMs: number;
  readonly openForMs: number;
  readonly openGrowth: number;
  readonly openMaxMs: number;
  /** 0 to 0.5. */
  readonly openJitter: number;
  readonly probes: number;
  readonly probeLeaseMs: number;
  readonly mode: BreakerMode;
  readonly failures: FailureRules;
}

const KEYS = {
  window: true,
  buckets: true,
  minCalls: true,
  failureRatio: true,
  slowRatio: true,
  slowAfter: true,
  openFor: true,
  openGrowth: true,
  openMax: true,
  openJitter: true,
  probes: true,
  probeLease: true,
  mode: true,
  codes: true,
  statuses: true,
  ignoreCodes: true,
  ignoreStatuses: true,
} as const;
const MODES = ['auto', 'open', 'closed', 'disabled', 'metrics-only'] as const;
const MIN_CALLS = 20;
const MOST_WINDOW_CALLS = 100_000;
const SLOW_SHARE = 0.8;
const LEASE_TIMES = 2;
const LEASE_WITHOUT_TIMEOUT_MS = 30_000;
const DEFAULT_STATUSES = [[408], statusesOf(500)];

/**
 * Reads `breaker`; `undefined` when there is none.
 * @param attemptMs how long an attempt may take: its own timeout or else the total; `Infinity` without any
 */
export function resolveBreaker(
  spec: unknown,
  place: Problems,
  attemptMs: number,
  code: BreakerCode = {},
): ResolvedBreaker | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<BreakerSpec>(spec, place, KEYS);
  const window = windowIn(fields);
  const failureRatio = ruleIn(fields, 'failureRatio', 0.5);
  const slow = slowIn(fields, attemptMs);
  if (failureRatio === Infinity && slow.ratio === Infinity) {
    fields.place.add('it would never open, for no rule is on; give failureRatio or slowRatio, or leave breaker out');
  }
  const openForMs = fields.durationMs('openFor', 5_000, { min: 1 });
  const openMaxMs = fields.durationMs('openMax', Math.max(60_000, openForMs), { min: 1 });
  if (openMaxMs < openForMs) {
    fields
      .at('openMax')
      .add(
        `${durationText(openMaxMs)} is shorter than openFor, ${durationText(openForMs)}; ` +
          `give at least ${durationText(openForMs)}, or a shorter openFor`,
      );
  }
  return {
    window,
    minCalls: minCallsIn(fields, window),
    failureRatio,
    slowRatio: slow.ratio,
    slowAfterMs: slow.afterMs,
    openForMs,
    openGrowth: fields.number('openGrowth', 2, { min: 1, max: 10 }),
    openMaxMs,
    openJitter: fields.ratio('openJitter', 0.2, { max: 0.5 }),
    probes: fields.count('probes', 5, { min: 1, max: MOST_PROBES }),
    probeLeaseMs: leaseIn(fields, attemptMs),
    mode: fields.choice('mode', MODES, 'auto'),
    failures: {
      codes: fields.has('codes') ? new Set(fields.list('codes', [], codeIn, 'code')) : undefined,
      statuses: new Set(fields.list('statuses', DEFAULT_STATUSES, statusIn, 'status or 4xx or 5xx').flat()),
      ignoreOverload: !fields.has('statuses'),
      ignoreCodes: new Set(fields.list('ignoreCodes', [], codeIn, 'code')),
      ignoreStatuses: new Set(fields.list('ignoreStatuses', [], statusIn, 'status or 4xx or 5xx').flat()),
      judge: code.judge,
    },
  };
}

function windowIn(fields: Fields<BreakerSpec>): WindowRule {
  const written = fields.raw('window') ?? '10s';
  if (typeof written === 'number') {
    if (fields.has('buckets')) {
      fields
        .at('buckets')
        .add(`a window of ${written} calls has none; leave buckets out, or give window as a time such as '10s'`);
    }
    return { kind: 'count', calls: fields.count('window', 100, { min: 1, max: MOST_WINDOW_CALLS }) };
  }
  if (parseDurationMs(written) === undefined) {
    fields
      .at('window')
      .add(`${shown(written)} is no window; give a time such as '10s', or a number of calls without quotes`);
  }
  const windowMs = parseDurationMs(written) ?? 10_000;
  if (windowMs < 10 || windowMs > 3_600_000) {
    fields.at('window').add(`${shown(written)} is out of range; give from 10ms to 60m`);
  }
  return { kind: 'time', windowMs, buckets: fields.count('buckets', 10, { min: 1, max: 100 }) };
}

function minCallsIn(fields: Fields<BreakerSpec>, window: WindowRule): number {
  const most = window.kind === 'count' ? window.calls : Infinity;
  const minCalls = fields.count('minCalls', Math.min(MIN_CALLS, most), { min: 1 });
  if (minCalls > most) {
    fields.at('minCalls').add(`${minCalls} is more than window, ${most}, ever holds; give at most ${most}`);
  }
  return minCalls;
}

/** A ratio at which it opens; `Infinity` for off. */
function ruleIn(fields: Fields<BreakerSpec>, key: 'failureRatio' | 'slowRatio', fallback: number): number {
  if (fields.raw(key) === 'off') return Infinity;
  const ratio = fields.ratio(key, fallback);
  if (ratio === 0) fields.at(key).add(`'0%' would open it whatever happens; give more, or 'off'`);
  return ratio;
}

function slowIn(fields: Fields<BreakerSpec>, attemptMs: number): { ratio: number; afterMs: number } {
  const ratio = ruleIn(fields, 'slowRatio', 0.8);
  const afterMs = fields.durationMs('slowAfter', SLOW_SHARE * attemptMs);
  if (ratio === Infinity && fields.has('slowAfter')) {
    fields.at('slowAfter').add(`it means nothing with slowRatio 'off'; leave it out, or give slowRatio a ratio`);
  }
  if (fields.has('slowRatio') && ratio !== Infinity && afterMs === Infinity) {
    fields.at('slowRatio').add('nothing says what is slow; give slowAfter, or timeout.attempt');
  }
  if (fields.has('slowAfter') && afterMs >= attemptMs) {
    fields
      .at('slowAfter')
      .add(
        `${durationText(afterMs)} is not shorter than an attempt may take, ${durationText(attemptMs)}; ` +
          `it would never see a slow call: give less, such as '${durationText(SLOW_SHARE * attemptMs)}'`,
      );
  }
  return { ratio: afterMs === Infinity ? Infinity : ratio, afterMs };
}

function leaseIn(fields: Fields<BreakerSpec>, attemptMs: number): number {
  const standardMs = attemptMs === Infinity ? LEASE_WITHOUT_TIMEOUT_MS : LEASE_TIMES * attemptMs;
  const leaseMs = fields.durationMs('probeLease', standardMs, { min: 1 });
  if (fields.has('probeLease') && attemptMs !== Infinity && leaseMs <= attemptMs) {
    fields
      .at('probeLease')
      .add(
        `${durationText(leaseMs)} is not longer than an attempt may take, ${durationText(attemptMs)}; ` +
          `it would end before its probe: give more, such as '${durationText(standardMs)}'`,
      );
  }
  return leaseMs;
}

function codeIn(written: unknown): string | undefined {
  return typeof written === 'string' && written !== '' ? written : undefined;
}

function statusIn(written: unknown): readonly number[] | undefined {
  if (written === '4xx') return statusesOf(400);
  if (written === '5xx') return statusesOf(500);
  const status = Number.isSafeInteger(written) ? Number(written) : 0;
  return status >= 100 && status <= 599 ? [status] : undefined;
}

function statusesOf(first: number): readonly number[] {
  return Array.from({ length: 100 }, (_, index) => first + index);
}
