import { FairleadError, statusOf } from '@fairlead/core';
import type { POLICY_ERRORS } from './errors.ts';
import { parsePushbackMs, parseRetryAfterMs, PUSHBACK_HEADER } from './pushback.ts';
import { NOT_SENT_CODES } from './repeat-options.ts';

/** What a failure says, whoever's error or answer it is. */
export interface FailureFacts {
  readonly code: string | undefined;
  /** As HTTP would say it. */
  readonly status: number | undefined;
  /** Whether it is certain that the work was not begun. */
  readonly unprocessed: boolean;
  /** Whether the other side works, and turned the call away because it had too much to do. */
  readonly overloaded: boolean;
  /** When the other side may be asked again, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** Exactly when the other side wants to be asked again, in milliseconds from now; negative for never. */
  readonly pushbackMs: number | undefined;
}

/** How deep codes are looked for in causes: `fetch` hides the socket's error in one. */
const MAX_CAUSES = 3;
/** What policies elsewhere answer when they let a call not through. */
const TURNED_AWAY_CODES: ReadonlySet<string> = new Set([
  'REJECTED',
  'RATE_LIMITED',
] satisfies (keyof typeof POLICY_ERRORS)[]);

/**
 * Reads what a failed attempt threw or returned: errors of ours, of Node and of HTTP clients (`status` or `statusCode`,
 * `headers`, also of a `response`), and answers with `status` and `headers`.
 * @param wallMs the time of day in milliseconds since the epoch, for `Retry-After` with a date
 */
export function factsOf(failed: unknown, wallMs: number): FailureFacts {
  const facts = failed instanceof FairleadError ? factsOfError(failed) : factsOfForeign(failed, wallMs);
  return { ...facts, overloaded: isOverloaded(facts) };
}

function factsOfError(error: FairleadError): Omit<FailureFacts, 'overloaded'> {
  const pushbackMs = error.details['pushbackMs'];
  return {
    code: error.code,
    status: statusOf(error.kind),
    unprocessed: error.details['processed'] === 'no',
    retryAfterMs: error.retryAfterMs,
    pushbackMs: typeof pushbackMs === 'number' ? pushbackMs : undefined,
  };
}

function factsOfForeign(failed: unknown, wallMs: number): Omit<FailureFacts, 'overloaded'> {
  const code = codeOf(failed);
  const response = property(failed, 'response');
  const status = [
    property(failed, 'status'),
    property(failed, 'statusCode'),
    property(response, 'status'),
    property(response, 'statusCode'),
  ].find((each) => typeof each === 'number');
  const headers = property(failed, 'headers') ?? property(response, 'headers');
  const retryAfter = header(headers, 'retry-after');
  const pushback = header(headers, PUSHBACK_HEADER);
  return {
    code,
    status,
    unprocessed: code !== undefined && NOT_SENT_CODES.has(code),
    retryAfterMs: retryAfter === undefined ? undefined : parseRetryAfterMs(retryAfter, wallMs),
    pushbackMs: pushback === undefined ? undefined : parsePushbackMs(pushback),
  };
}

/**
 * Whoever says when to come back is there. A 503 that doesn't may be all that is left of a destination; one with "never"
 * may be what a proxy says in its place.
 */
function isOverloaded({ code, status, retryAfterMs, pushbackMs }: Omit<FailureFacts, 'overloaded'>): boolean {
  if (status === 429 || (code !== undefined && TURNED_AWAY_CODES.has(code))) return true;
  return status === 503 && (retryAfterMs !== undefined || (pushbackMs ?? -1) >= 0);
}

function codeOf(failed: unknown): string | undefined {
  for (let each = failed, depth = 0; depth <= MAX_CAUSES; depth++) {
    const code = property(each, 'code');
    if (typeof code === 'string') return code;
    each = property(each, 'cause');
  }
  return undefined;
}

function header(headers: unknown, name: string): string | undefined {
  const get = property(headers, 'get');
  const value: unknown = typeof get === 'function' ? get.call(headers, name) : property(headers, name);
  return typeof value === 'string' ? value : undefined;
}

function property(of: unknown, name: string): unknown {
  // Any property of an object may be asked for; what isn't there is undefined.
  return typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}
