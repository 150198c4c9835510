import type { Context } from '@fairlead/core';
import type { CallFacts } from './call-facts.ts';
import { Gcra, type GcraState } from './gcra.ts';
import type { ResolvedQuota } from './quota-options.ts';
import { QuotaTable, type QuotaState } from './quota-table.ts';
import { rateText, type ResolvedRate, type ResolvedRateLimit, type ResolvedSharedLimit } from './rate-limit-options.ts';
import type { Rejection } from './rejection.ts';
import { scopedKey } from './scoped-key.ts';

/** The section `rateLimit`, as it is now. */
export interface RateLimitState extends GcraState {
  /** Calls, whatever they weigh. */
  readonly admitted: number;
  readonly refused: number;
}

/** One section that limits rates: which limit a call has there, and how a refusal is told. */
export interface LimitRule<State> {
  readonly name: 'rateLimit' | 'quota';
  readonly shared: ResolvedSharedLimit | undefined;
  /** The limit of this process. */
  limitOf(ctx: Context, facts: CallFacts, nowMs: number): Gcra;
  /** The rate in the store, and what it is counted under there. */
  rateOf(ctx: Context, facts: CallFacts): ResolvedRate;
  storeKey(ctx: Context, facts: CallFacts): string;
  /** Counts a decision, whoever took it. */
  count(isAdmitted: boolean): void;
  /** @param available what could still have been let through at once */
  rejection(ctx: Context, facts: CallFacts, rate: ResolvedRate, available: number, afterMs: number): Rejection;
  inspect(nowMs: number): State;
}

/** How much a call weighs. What isn't above 0 would give back what others have used. */
export function costOf({ cost = 1 }: CallFacts): number {
  return cost > 0 ? cost : 1;
}

/** The section `rateLimit`: one limit for all calls. */
export class RateLimitRule implements LimitRule<RateLimitState> {
  readonly name = 'rateLimit';
  readonly shared: ResolvedSharedLimit | undefined;
  readonly #policy: string;
  readonly #limit: Gcra;
  #admitted = 0;
  #refused = 0;

  constructor(policy: string, { rate, shared }: ResolvedRateLimit) {
    this.#policy = policy;
    this.shared = shared;
    this.#limit = new Gcra(rate);
  }

  limitOf(): Gcra {
    return this.#limit;
  }

  rateOf(): ResolvedRate {
    return this.#limit.rate;
  }

  storeKey(): string {
    return `${this.#policy}:rate`;
  }

  count(isAdmitted: boolean): void {
    if (isAdmitted) this.#admitted++;
    else this.#refused++;
  }

  rejection(_ctx: Context, facts: CallFacts, rate: ResolvedRate, available: number, afterMs: number): Rejection {
    return {
      cause: 'rate-limited',
      policy: this.#policy,
      rule: this.name,
      measured: { rate: rateText(rate), burst: rate.burst, available, cost: costOf(facts) },
      retryAfterMs: afterMs === Infinity ? undefined : afterMs,
    };
  }

  inspect(nowMs: number): RateLimitState {
    return { ...this.#limit.inspect(nowMs), admitted: this.#admitted, refused: this.#refused };
  }
}

/** The section `quota`: a limit for each of those who call. */
export class QuotaRule implements LimitRule<QuotaState> {
  readonly name = 'quota';
  readonly shared: ResolvedSharedLimit | undefined;
  readonly #policy: string;
  readonly #options: ResolvedQuota;
  readonly #table: QuotaTable;

  constructor(policy: string, options: ResolvedQuota) {
    this.#policy = policy;
    this.#options = options;
    this.shared = options.shared;
    this.#table = new QuotaTable(options);
  }

  limitOf(ctx: Context, facts: CallFacts, nowMs: number): Gcra {
    return this.#table.limitOf(this.#key(ctx, facts), this.rateOf(ctx, facts), nowMs);
  }

  rateOf(ctx: Context, facts: CallFacts): ResolvedRate {
    return this.#table.rateOf(this.#name(ctx, facts));
  }

  storeKey(ctx: Context, facts: CallFacts): string {
    return `${this.#policy}:quota:${this.#options.by}:${this.#key(ctx, facts)}`;
  }

  count(isAdmitted: boolean): void {
    this.#table.count(isAdmitted);
  }

  rejection(ctx: Context, facts: CallFacts, rate: ResolvedRate, available: number, afterMs: number): Rejection {
    const { by } = this.#options;
    // A key may be what only its caller knows.
    const whose = by === 'key' ? undefined : this.#name(ctx, facts);
    return {
      cause: 'quota',
      policy: this.#policy,
      rule: this.name,
      measured: {
        by,
        ...(whose === undefined ? {} : { [by]: whose }),
        rate: rateText(rate),
        burst: rate.burst,
        available,
        cost: costOf(facts),
      },
      retryAfterMs: afterMs === Infinity ? undefined : afterMs,
    };
  }

  inspect(): QuotaState {
    return this.#table.inspect();
  }

  #name(ctx: Context, facts: CallFacts): string | undefined {
    const { by } = this.#options;
    if (by === 'tenant') return ctx.tenant;
    if (by === 'key') return facts.key;
    return by === 'caller' ? ctx.caller.service : ctx.caller.subject;
  }

  #key(ctx: Context, facts: CallFacts): string {
    if (this.#options.by === 'tenant') return scopedKey(ctx, 'tenant', '');
    const name = this.#name(ctx, facts);
    return scopedKey(ctx, 'tenant', name === undefined ? '-' : `=${name}`);
  }
}
