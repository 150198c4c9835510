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
import { fail } from './errors.ts';
import { Problems } from './problems.ts';
import { Fields } from './readers.ts';
import { resolveTimeout, type ResolvedTimeout, type TimeoutSpec } from './timeout-options.ts';

/** How calls behave under stress, as JSON. A section that is left out is off; `{}` is its defaults. */
export interface PolicySpec {
  readonly timeout?: TimeoutSpec;
}

/** A specification as it is used. */
export interface ResolvedPolicy {
  readonly timeout: ResolvedTimeout;
}

const KEYS = { timeout: true } as const;

/**
 * Reads a specification. Nothing of it is kept or changed.
 * @param name of the policy, for messages
 * @param spec what was written; also straight from a JSON file
 * @throws POLICY_INVALID with every fault, each with its path, what was found and the fix
 */
export function resolveSpec(name: string, spec: PolicySpec): ResolvedPolicy {
  const problems = new Problems();
  const fields = new Fields<PolicySpec>(spec, problems, KEYS);
  const timeout = resolveTimeout(fields.raw('timeout'), fields.at('timeout'));
  if (problems.found.length > 0) {
    throw fail('POLICY_INVALID', `The policy "${name}" can't be used:\n${problems.found.join('\n')}`, {
      details: { policy: name, problems: problems.found },
    });
  }
  return { timeout };
}
