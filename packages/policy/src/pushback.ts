/**
 * The header (gRPC's, A6) by which an answer says when its call may be repeated, in milliseconds; negative for never.
 * Whoever has retried a hop tells those above not to do it again.
 */
export const PUSHBACK_HEADER = 'grpc-retry-pushback-ms';

const INTEGER = /^-?(?:0|[1-9]\d{0,9})$/;
const SECONDS = /^\d{1,9}$/;
const MAX_INT32 = 2 ** 31 - 1;

/** Who let a failure through after retrying, and when. */
interface Mark {
  readonly by: object;
  readonly atMs: number;
}

/** Holds no error: each is forgotten with its error. */
const marks = new WeakMap<object, Mark>();

/** Reads the header. What is no integer of 32 bits means never, as A6 says. */
export function parsePushbackMs(text: string): number {
  const ms = INTEGER.test(text) ? Number(text) : -1;
  return ms > MAX_INT32 ? -1 : ms;
}

/**
 * Reads `Retry-After` (RFC 9110, 10.2.3): seconds or an HTTP date; `undefined` for anything else.
 * @param wallMs the time of day, in milliseconds since the epoch
 */
export function parseRetryAfterMs(text: string, wallMs: number): number | undefined {
  if (SECONDS.test(text)) return Number(text) * 1_000;
  // Only dates begin with the name of a day; Date.parse takes much more for a date.
  const dateMs = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - wallMs);
}

/**
 * Remembers that an error was let through after retries.
 * @param by the rules it was retried by
 * @param nowMs monotonic
 */
export function markRetried(error: unknown, by: object, nowMs: number): void {
  if (typeof error === 'object' && error !== null) marks.set(error, { by, atMs: nowMs });
}

/**
 * Whether a policy has let this error through after it had retried, so that a repeat above it would multiply its
 * attempts. Some throw the same error object again and again; an old mark therefore says nothing, nor does one's own.
 * @param sinceMs when the work that failed was begun, monotonic
 * @param except the rules of whoever asks
 */
export function wasRetried(error: unknown, sinceMs: number, except?: object): boolean {
  const mark = typeof error === 'object' && error !== null ? marks.get(error) : undefined;
  return mark !== undefined && mark.atMs >= sinceMs && mark.by !== except;
}
