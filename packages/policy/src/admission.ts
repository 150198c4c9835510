import type { Clock, Context } from '@fairlead/core';
import type { CallFacts } from './call-facts.ts';
import { fail } from './errors.ts';
import type { Gcra } from './gcra.ts';
import { costOf, QuotaRule, RateLimitRule, type LimitRule, type RateLimitState } from './limit-rule.ts';
import type { LimitStore } from './limit-store.ts';
import type { ResolvedQuota } from './quota-options.ts';
import type { PolicyEvent } from './observe.ts';
import type { QuotaState } from './quota-table.ts';
import type { ResolvedRateLimit } from './rate-limit-options.ts';
import type { Rejection } from './rejection.ts';
import { SharedLimit, type SharedLimitState, type UnknownLimit } from './shared-limit.ts';

/** A limit as it is now, and how it goes with the store if it is a shared one. */
export type LimitState<State> = State & { readonly shared: SharedLimitState | undefined };

/** All that admits calls by their rate, as it is now. */
export interface AdmissionState {
  readonly rateLimit: LimitState<RateLimitState> | undefined;
  readonly quota: LimitState<QuotaState> | undefined;
}

interface SharedRule {
  readonly rule: LimitRule<unknown>;
  readonly limit: SharedLimit;
  readonly onFailure: 'local' | 'open' | 'closed';
}

/**
 * Rate limit and quota of a policy. A call that one of them refuses is not counted by the other: who has used up a quota
 * must not use up everybody's limit by trying. Of two in the store that holds for the quota's refusals only.
 */
export class Admission {
  readonly #policy: string;
  readonly #rate: RateLimitRule | undefined;
  readonly #quota: QuotaRule | undefined;
  /** Those that are decided in this process. */
  readonly #local: readonly LimitRule<unknown>[];
  /** Those that are decided in the store; the narrower one first, as what it refuses the wider one doesn't count. */
  readonly #shared: readonly SharedRule[];

  /** @throws POLICY_INVALID when a limit is shared and there is no store */
  constructor(
    policy: string,
    sections: { readonly rateLimit: ResolvedRateLimit | undefined; readonly quota: ResolvedQuota | undefined },
    ports: {
      readonly clock: Clock;
      readonly limits?: LimitStore | undefined;
      readonly observe?: ((event: PolicyEvent) => void) | undefined;
    },
  ) {
    this.#policy = policy;
    this.#rate = sections.rateLimit === undefined ? undefined : new RateLimitRule(policy, sections.rateLimit);
    this.#quota = sections.quota === undefined ? undefined : new QuotaRule(policy, sections.quota);
    const rules: LimitRule<unknown>[] = [this.#quota, this.#rate].filter((each) => each !== undefined);
    this.#local = rules.filter(({ shared }) => shared === undefined);
    this.#shared = rules.flatMap((rule) => {
      if (rule.shared === undefined) return [];
      if (ports.limits === undefined) throw noStore(policy);
      const { clock, observe, limits } = ports;
      const { onFailure } = rule.shared;
      const tell =
        observe &&
        ((failure: string) =>
          observe({ kind: 'limit-unknown', policy, atMs: clock.monotonic(), rule: rule.name, onFailure, failure }));
      return [{ rule, limit: new SharedLimit(rule.shared, limits, clock, tell), onFailure }];
    });
  }

  /** Whether there are limits in a store, which must be asked too. */
  get isShared(): boolean {
    return this.#shared.length > 0;
  }

  /** Why the limits of this process don't let a call through; `undefined` when they do, and have counted it. */
  admit(ctx: Context, facts: CallFacts, nowMs: number): Rejection | undefined {
    const [first, second] = this.#local;
    if (first === undefined) return undefined;
    const cost = costOf(facts);
    const limit = first.limitOf(ctx, facts, nowMs);
    const other = second?.limitOf(ctx, facts, nowMs);
    const refused =
      refusal(first, limit, ctx, facts, nowMs) ?? (second && other && refusal(second, other, ctx, facts, nowMs));
    if (refused !== undefined) return refused;
    limit.take(nowMs, cost);
    first.count(true);
    other?.take(nowMs, cost);
    second?.count(true);
    return undefined;
  }

  /** The same for the limits in the store. Never rejects; when `ctx` ends it answers at once, and means nothing. */
  async admitShared(ctx: Context, facts: CallFacts, clock: Clock): Promise<Rejection | undefined> {
    const cost = costOf(facts);
    for (const { rule, limit, onFailure } of this.#shared) {
      const rate = rule.rateOf(ctx, facts);
      const verdict = await limit.ask(ctx, rule.storeKey(ctx, facts), rate, cost);
      const rejection =
        verdict.kind === 'unknown'
          ? this.#unknown(rule, onFailure, verdict, ctx, facts, clock.monotonic())
          : verdict.kind === 'refused'
            ? rule.rejection(ctx, facts, rate, Math.floor(verdict.available), verdict.retryAfterMs)
            : undefined;
      if (rejection !== undefined) {
        if (verdict.kind === 'refused') rule.count(false);
        return rejection;
      }
      rule.count(true);
    }
    return undefined;
  }

  inspect(nowMs: number): AdmissionState {
    return {
      rateLimit: this.#rate && { ...this.#rate.inspect(nowMs), shared: this.#storeOf(this.#rate, nowMs) },
      quota: this.#quota && { ...this.#quota.inspect(), shared: this.#storeOf(this.#quota, nowMs) },
    };
  }

  #storeOf(rule: LimitRule<unknown>, nowMs: number): SharedLimitState | undefined {
    return this.#shared.find((each) => each.rule === rule)?.limit.inspect(nowMs);
  }

  #unknown(
    rule: LimitRule<unknown>,
    onFailure: 'local' | 'open' | 'closed',
    { retryAfterMs }: UnknownLimit,
    ctx: Context,
    facts: CallFacts,
    nowMs: number,
  ): Rejection | undefined {
    if (onFailure === 'open') return undefined;
    if (onFailure === 'local') {
      const limit = rule.limitOf(ctx, facts, nowMs);
      const refused = refusal(rule, limit, ctx, facts, nowMs);
      if (refused === undefined) limit.take(nowMs, costOf(facts));
      return refused;
    }
    return { cause: 'limit-unknown', policy: this.#policy, rule: `${rule.name}.shared`, measured: {}, retryAfterMs };
  }
}

/** Why a limit of this process does not let a call through. Counts nothing that is let through. */
function refusal(
  rule: LimitRule<unknown>,
  limit: Gcra,
  ctx: Context,
  facts: CallFacts,
  nowMs: number,
): Rejection | undefined {
  const afterMs = limit.afterMs(nowMs, costOf(facts));
  if (afterMs === 0) return undefined;
  rule.count(false);
  return rule.rejection(ctx, facts, limit.rate, Math.floor(limit.inspect(nowMs).available), afterMs);
}

function noStore(policy: string): Error {
  return fail(
    'POLICY_INVALID',
    `The policy "${policy}" can't be used:\nits limits are shared and there is no store to share them in; ` +
      'give it as ports.limits, or leave shared out',
    { details: { policy } },
  );
}
