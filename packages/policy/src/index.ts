// policy.ts spec.ts            a policy from its specification; *-options.ts are the sections, readers.ts reads them
// call.ts attempt.ts           a call on its way through the parts, and each beginning of its work
// wake-ups.ts turn-clock.ts    all ends and pauses behind one timer; the time, and its stamp for the turn
// late-work.ts                 work that goes on after its end
// decision.ts rejection.ts     what became of a call, why it was not let through, and explain.ts says it in words
// policy-state.ts trouble.ts   everything that a policy knows, and what of it is worth a line
// retry-rules.ts hedge-delay.ts  when work is begun again; retry-budget.ts is what that may cost
// breaker.ts                   whether the destination is called at all while it fails
// front.ts                     who is answered without the work: fallback.ts, cache.ts, coalescer.ts
// admission.ts                 how many calls in how much time: gcra.ts, quota-table.ts; ../redis counts for several processes,
// keyed-limit.ts               the same for whoever is no policy; never-reached.ts finds rates that contradict each other
// gate.ts slot-gate.ts         how many attempts at a time: limit.ts and its rules say how many, line.ts and its kinds who is next
// shedder.ts                   who goes when there is too much
export type { AdaptiveSpec, AimdSpec, Gradient2Spec, VegasSpec } from './adaptive-options.ts';
export type { AdmissionState, LimitState } from './admission.ts';
export type { BackoffSpec } from './backoff-options.ts';
export type { BreakerCode, BreakerSpec } from './breaker-options.ts';
export type {
  BreakerCause,
  BreakerCounts,
  BreakerMeasure,
  BreakerMode,
  BreakerState,
  BreakerStateName,
  BreakerTransition,
} from './breaker-state.ts';
export type { BudgetShare, BudgetSpec } from './budget-options.ts';
export type { CacheSpec } from './cache-options.ts';
export type { CacheState } from './cache.ts';
export type { CallFacts, Deferral } from './call-facts.ts';
export type { Work } from './call.ts';
export type { CoalesceSpec } from './coalesce-options.ts';
export type { CoalesceState } from './coalescer.ts';
export type { ConcurrencySpec } from './concurrency-options.ts';
export type { Counts } from './counters.ts';
export type { Decision, Failed, Rejected, Succeeded } from './decision.ts';
export type { DeferPort, DeferReceipt, DeferredCall } from './defer-port.ts';
export { retryBudget } from './create-budget.ts';
export { POLICY_ERRORS } from './errors.ts';
export { explain } from './explain.ts';
export type { FairSpec, ShardsSpec } from './fair-options.ts';
export type { FallbackCode, FallbackReason, FallbackSpec } from './fallback-options.ts';
export type { FallbackState } from './fallback.ts';
export type { FrontState } from './front.ts';
export type { GateState, TenantState } from './gate.ts';
export { Gcra } from './gcra.ts';
export type { GcraState } from './gcra.ts';
export type { HedgeSpec } from './hedge-options.ts';
export { keyedLimit } from './keyed-limit.ts';
export type { KeyedLimit, KeyedLimitOptions, KeyedLimitState, KeyedVerdict, LimitStanding } from './keyed-limit.ts';
export type { LateWorkState } from './late-work.ts';
export type { SlotLimitState } from './limit.ts';
export type { RateLimitState } from './limit-rule.ts';
export type { LimitStore, LimitVerdict } from './limit-store.ts';
export { neverReached } from './never-reached.ts';
export type { NeverReached } from './never-reached.ts';
export type { PolicyEvent } from './observe.ts';
export type { PolicyState } from './policy-state.ts';
export { policyWatch } from './policy-watch.ts';
export type { PolicyPorts } from './policy-ports.ts';
export type { PolicyWatchPorts } from './policy-watch.ts';
export { policy } from './policy.ts';
export type { Policy } from './policy.ts';
export { parsePushbackMs, parseRetryAfterMs, PUSHBACK_HEADER, wasRetried } from './pushback.ts';
export type { QuotaSpec } from './quota-options.ts';
export type { QuotaState } from './quota-table.ts';
export type { RateLimitSpec, RateSpec, ResolvedRate, SharedLimitSpec } from './rate-limit-options.ts';
export type { DurationText, RateText, RatioText } from './readers.ts';
export { RejectedError } from './rejected-error.ts';
export type { Rejection, RejectionCause } from './rejection.ts';
export type { RepeatCode, RepeatSpec } from './repeat-options.ts';
export type { RetryBudget, RetryBudgetState } from './retry-budget.ts';
export { retryDelays } from './retry-delays.ts';
export type { RetryDelays } from './retry-delays.ts';
export type { RetrySpec } from './retry-options.ts';
export type { SharedLimitState } from './shared-limit.ts';
export type { ShedSpec } from './shed-options.ts';
export type { ShedState } from './shedder.ts';
export { specProblems } from './spec.ts';
export type { PolicyCode, PolicySpec } from './spec.ts';
export { STANDARD } from './standard.ts';
export type { TimeoutSpec } from './timeout-options.ts';
export { trouble } from './trouble.ts';
