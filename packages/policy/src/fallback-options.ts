import type { Context } from '@fairlead/core';
import type { Failed, Rejected } from './decision.ts';
import type { Problems } from './problems.ts';
import { Fields } from './readers.ts';
import type { RejectionCause } from './rejection.ts';

/** Why something may stand in for the work: a failure of whom was called, any error at all, or a rejection by its cause. */
export type FallbackReason = 'failure' | 'error' | Exclude<RejectionCause, 'cancelled'>;

/**
 * What stands in for the work when it fails or is not let through: the call's own `alternative`, then its `defer`, then
 * the policy's `answer` from code, then `value`; the first there is that doesn't fail itself.
 */
export interface FallbackSpec {
  /** What to answer, each time a copy; anything that JSON can say, `null` included. Default: nothing is answered. */
  readonly value?: unknown;
  /**
   * When. `failure` is what counts against whom was called, `error` everything that is thrown, also what the caller did
   * wrong. Default: `failure` and every rejection.
   */
  readonly on?: readonly FallbackReason[];
}

/** What JSON can't say about fallbacks. */
export interface FallbackCode {
  /** Answers instead of the work. It has as long as the caller has: the policy's own time may be up. */
  readonly answer?: ((ctx: Context, why: Failed | Rejected) => unknown) | undefined;
}

/** A fallback as it is used. */
export interface ResolvedFallback {
  readonly on: ReadonlySet<string>;
  readonly answer: FallbackCode['answer'];
  /** Boxed, as `undefined` and `null` are not the same. */
  readonly value: { readonly value: unknown } | undefined;
}

const KEYS = { value: true, on: true } as const;
const REJECTIONS: Readonly<Record<Exclude<RejectionCause, 'cancelled'>, true>> = {
  deadline: true,
  'rate-limited': true,
  quota: true,
  'limit-unknown': true,
  shed: true,
  budget: true,
  open: true,
  full: true,
  'queue-timeout': true,
};
const REASONS: readonly string[] = ['failure', 'error', ...Object.keys(REJECTIONS)];
const DEFAULT_REASONS: readonly string[] = REASONS.filter((each) => each !== 'error');

/** Reads `fallback`; `undefined` when there is none. */
export function resolveFallback(
  spec: unknown,
  place: Problems,
  code: FallbackCode | undefined,
): ResolvedFallback | undefined {
  if (spec === undefined) {
    if (code !== undefined)
      place.add('there is code for it and the section is off; add fallback: {}, or take the code out');
    return undefined;
  }
  const fields = new Fields<FallbackSpec>(spec, place, KEYS);
  const on = fields.list('on', DEFAULT_REASONS, reasonIn, `reason; the reasons are ${REASONS.join(', ')}`);
  if (on.length === 0 && place.found.length === 0)
    fields.at('on').add('nothing would ever stand in; leave fallback out, or name a reason');
  return {
    on: new Set(on),
    answer: code?.answer,
    value: fields.has('value') ? copyOf(fields.raw('value'), fields.at('value')) : undefined,
  };
}

function reasonIn(written: unknown): string | undefined {
  return REASONS.find((each) => each === written);
}

function copyOf(value: unknown, place: Problems): { readonly value: unknown } {
  try {
    return { value: structuredClone(value) };
  } catch {
    place.add('this is no JSON; give functions as answer, in the code of the policy');
    return { value: undefined };
  }
}
