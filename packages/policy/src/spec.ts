// What a policy is written as, and how it is read. A section is a file of its own, owned by the part that it is for:
//
// timeout-options.ts      TimeoutSpec      ResolvedTimeout      resolveTimeout
// breaker-options.ts      BreakerSpec      ResolvedBreaker      resolveBreaker
// retry-options.ts        RetrySpec        ResolvedRetry        resolveRetry
// budget-options.ts       BudgetSpec       ResolvedBudget       resolveBudget
// hedge-options.ts        HedgeSpec        ResolvedHedge        resolveHedge
// concurrency-options.ts  ConcurrencySpec  ResolvedConcurrency  resolveConcurrency
// shed-options.ts         ShedSpec         ResolvedShed         resolveShed
// rate-limit-options.ts   RateLimitSpec    ResolvedRateLimit    resolveRateLimit
// quota-options.ts        QuotaSpec        ResolvedQuota        resolveQuota
// cache-options.ts        CacheSpec        ResolvedCache        resolveCache
// coalesce-options.ts     CoalesceSpec     ResolvedCoalesce     resolveCoalesce
// fallback-options.ts     FallbackSpec     ResolvedFallback     resolveFallback
import { resolveBreaker, type BreakerCode, type BreakerSpec, type ResolvedBreaker } from './breaker-options.ts';
import { resolveBudget, type BudgetSpec, type ResolvedBudget } from './budget-options.ts';
import { resolveCache, type CacheSpec, type ResolvedCache } from './cache-options.ts';
import { resolveCoalesce, type CoalesceSpec, type ResolvedCoalesce } from './coalesce-options.ts';
import { resolveConcurrency, type ConcurrencySpec, type ResolvedConcurrency } from './concurrency-options.ts';
import { fail } from './errors.ts';
import { resolveFallback, type FallbackCode, type FallbackSpec, type ResolvedFallback } from './fallback-options.ts';
import { resolveHedge, type HedgeSpec, type ResolvedHedge } from './hedge-options.ts';
import { Problems } from './problems.ts';
import { resolveQuota, type QuotaSpec, type ResolvedQuota } from './quota-options.ts';
import { resolveRateLimit, type RateLimitSpec, type ResolvedRateLimit } from './rate-limit-options.ts';
import { durationText, Fields } from './readers.ts';
import type { RepeatCode } from './repeat-options.ts';
import { resolveRetry, type ResolvedRetry, type RetrySpec } from './retry-options.ts';
import { resolveShed, type ResolvedShed, type ShedSpec } from './shed-options.ts';
import { resolveTimeout, type ResolvedTimeout, type TimeoutSpec } from './timeout-options.ts';

/** How calls behave under stress, as JSON. A section that is left out is off; `{}` is its defaults. */
export interface PolicySpec {
  readonly timeout?: TimeoutSpec;
  readonly shed?: ShedSpec;
  readonly retry?: RetrySpec;
  /** Excludes `retry`. */
  readonly hedge?: HedgeSpec;
  /** Of retry or hedge; on without being written. */
  readonly budget?: BudgetSpec;
  readonly breaker?: BreakerSpec;
  readonly concurrency?: ConcurrencySpec;
  readonly rateLimit?: RateLimitSpec;
  readonly quota?: QuotaSpec;
  readonly cache?: CacheSpec;
  readonly coalesce?: CoalesceSpec;
  readonly fallback?: FallbackSpec;
}

/** What JSON can't say: predicates and functions, by the section that they belong to. */
export interface PolicyCode {
  /**
   * Whether a value that the work returned is a failure, for retry or hedge, breaker and limits. When attempts run out, it
   * is returned all the same. Must neither throw nor wait.
   */
  readonly isFailure?: ((value: unknown) => boolean) | undefined;
  /** Of retry or hedge, whichever there is. */
  readonly repeat?: RepeatCode;
  readonly breaker?: BreakerCode;
  readonly fallback?: FallbackCode;
}

/** A specification as it is used. */
export interface ResolvedPolicy {
  readonly timeout: ResolvedTimeout;
  readonly shed: ResolvedShed | undefined;
  readonly retry: ResolvedRetry | undefined;
  readonly hedge: ResolvedHedge | undefined;
  readonly budget: ResolvedBudget | undefined;
  readonly breaker: ResolvedBreaker | undefined;
  readonly isFailure: PolicyCode['isFailure'];
  readonly concurrency: ResolvedConcurrency | undefined;
  readonly rateLimit: ResolvedRateLimit | undefined;
  readonly quota: ResolvedQuota | undefined;
  readonly cache: ResolvedCache | undefined;
  readonly coalesce: ResolvedCoalesce | undefined;
  readonly fallback: ResolvedFallback | undefined;
}

const KEYS = {
  timeout: true,
  shed: true,
  retry: true,
  hedge: true,
  budget: true,
  breaker: true,
  concurrency: true,
  rateLimit: true,
  quota: true,
  cache: true,
  coalesce: true,
  fallback: true,
} as const;

/**
 * Reads a specification. Nothing of it is kept or changed.
 * @param name of the policy, for messages
 * @param spec what was written; also straight from a JSON file
 * @throws POLICY_INVALID with every fault, each with its path, what was found and the fix
 */
export function resolveSpec(name: string, spec: unknown, code: PolicyCode = {}): ResolvedPolicy {
  const problems = new Problems();
  const resolved = readSpec(spec, code, problems);
  if (problems.found.length > 0) {
    throw fail('POLICY_INVALID', `The policy "${name}" can't be used:\n${problems.found.join('\n')}`, {
      details: { policy: name, problems: problems.found },
    });
  }
  return resolved;
}

/**
 * What is wrong with a specification: every fault with its path, what was found and the fix; empty when a policy can be
 * made of it. For whoever checks many before any is used.
 * @param spec what was written; also straight from a JSON file
 */
export function specProblems(spec: unknown): readonly string[] {
  const problems = new Problems();
  readSpec(spec, {}, problems);
  return problems.found;
}

/** The specification as far as it can be read; what can't is told to `problems`. */
function readSpec(spec: unknown, code: PolicyCode, problems: Problems): ResolvedPolicy {
  const fields = new Fields<PolicySpec>(spec, problems, KEYS);
  const timeout = resolveTimeout(fields.raw('timeout'), fields.at('timeout'));
  const attemptMs = Math.min(timeout.attemptMs, timeout.totalMs);
  const concurrency = resolveConcurrency(fields.raw('concurrency'), fields.at('concurrency'));
  const cache = resolveCache(fields.raw('cache'), fields.at('cache'));
  const resolved = {
    timeout,
    shed: resolveShed(fields.raw('shed'), fields.at('shed'), concurrency),
    retry: resolveRetry(fields.raw('retry'), fields.at('retry'), code.repeat),
    hedge: resolveHedge(fields.raw('hedge'), fields.at('hedge'), code.repeat),
    budget: resolveRepeatBudget(fields),
    breaker: resolveBreaker(fields.raw('breaker'), fields.at('breaker'), attemptMs, code.breaker),
    isFailure: code.isFailure,
    concurrency,
    rateLimit: resolveRateLimit(fields.raw('rateLimit'), fields.at('rateLimit')),
    quota: resolveQuota(fields.raw('quota'), fields.at('quota')),
    cache,
    coalesce: resolveCoalesce(fields.raw('coalesce'), fields.at('coalesce'), cache?.per),
    fallback: resolveFallback(fields.raw('fallback'), fields.at('fallback'), code.fallback),
  };
  const { hedge } = resolved;
  if (hedge?.delay.kind === 'fixed' && hedge.delay.delayMs >= attemptMs) {
    const delay = durationText(hedge.delay.delayMs);
    const attempt = durationText(attemptMs);
    fields
      .at('hedge')
      .at('delay')
      .add(`${delay} is not shorter than an attempt may take, ${attempt}; nothing would ever be hedged: give less`);
  }
  if (resolved.retry !== undefined && hedge !== undefined) {
    fields.at('hedge').add('a call is either retried or hedged, and retry is there too; take one of the two out');
  }
  return resolved;
}

function resolveRepeatBudget(fields: Fields<PolicySpec>): ResolvedBudget | undefined {
  if (!fields.has('retry') && !fields.has('hedge')) {
    if (fields.has('budget')) {
      fields
        .at('budget')
        .add('there is nothing to pay for without retry or hedge; add one of them, or leave budget out');
    }
    return undefined;
  }
  return resolveBudget(fields.raw('budget'), fields.at('budget'));
}
