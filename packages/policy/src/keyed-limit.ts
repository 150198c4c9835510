import type { Clock, Context } from '@fairlead/core';
import { fail } from './errors.ts';
import type { Gcra } from './gcra.ts';
import type { LimitStore } from './limit-store.ts';
import { Problems } from './problems.ts';
import { QuotaTable, type NearLimit } from './quota-table.ts';
import {
  resolveRate,
  resolveRateLimit,
  type RateSpec,
  type ResolvedRate,
  type SharedLimitSpec,
} from './rate-limit-options.ts';
import { SharedLimit, type SharedLimitState } from './shared-limit.ts';

/** How each of many is limited. */
export interface KeyedLimitOptions {
  /** Its name, which is part of the keys in the store. */
  readonly name: string;
  /** All of them hold; at least one. */
  readonly rates: readonly RateSpec[];
  /** Keys that are counted in this process at a time; see `QuotaSpec.maxKeys`. Default 10 000; at least 1. */
  readonly maxKeys?: number;
  /** Counts with other processes, in `limits`. Default: this process by itself. */
  readonly shared?: SharedLimitSpec;
  readonly limits?: LimitStore | undefined;
  readonly clock: Clock;
  /** Told of what was wrong, once for each question that the store failed to answer. Default: nobody is. */
  readonly onFailure?: (failure: string) => void;
}

/** How a key stands with one of the rates. */
export interface LimitStanding {
  readonly rate: ResolvedRate;
  /** What could be let through at once. */
  readonly available: number;
}

/** What was decided. */
export type KeyedVerdict =
  /** Let through and counted. */
  | { readonly kind: 'admitted'; readonly standing: LimitStanding }
  /** Not let through; counted by none of the rates of this process. `standing` is of the rate that refused. */
  | { readonly kind: 'refused'; readonly standing: LimitStanding; readonly retryAfterMs: number }
  /** Not let through since the store doesn't say, and the limit is to fail closed. */
  | { readonly kind: 'unknown'; readonly retryAfterMs: number };

/** How it goes with the limits of many keys, as it is now. */
export interface KeyedLimitState {
  readonly name: string;
  readonly rates: readonly ResolvedRate[];
  /** Keys that are counted in this process. */
  readonly keys: number;
  /** Those of them that have places of their own at most, and calls of others. */
  readonly maxKeys: number;
  readonly overflowed: number;
  readonly admitted: number;
  readonly refused: number;
  readonly shared: SharedLimitState | undefined;
}

/** Limits each of many by its key: what quotas of policies and limits at an edge are made of. */
export interface KeyedLimit {
  /**
   * Decides at once when this process counts by itself; else asks the store, within `ctx`. `standing` is of the rate that is
   * nearest to its end. When the store refuses by one of several rates, those before it have counted.
   */
  admit(ctx: () => Context, key: string, cost?: number): KeyedVerdict | Promise<KeyedVerdict>;
  /** How a key stands with each of the rates now, as far as this process counts; `undefined` where a store does. */
  standings(key: string): readonly LimitStanding[] | undefined;
  inspect(): KeyedLimitState;
  /**
   * Who of those counted in this process has used at least `share` of a burst, by rate: at most `most` of each, the nearest first.
   * Looks at all of them.
   */
  near(share: number, most: number): readonly (readonly NearLimit[])[];
}

interface Rule {
  readonly rate: ResolvedRate;
  readonly table: QuotaTable;
}

/**
 * Makes one.
 * @throws POLICY_INVALID with everything that is wrong
 */
export function keyedLimit(options: KeyedLimitOptions): KeyedLimit {
  const { name, clock, limits } = options;
  const problems = new Problems();
  const rates = options.rates.map((rate, at) => resolveRate(rate, problems.at(`rates[${at}]`)));
  if (rates.length === 0) problems.at('rates').add('there is none; write at least one');
  const { maxKeys = 10_000 } = options;
  if (!Number.isInteger(maxKeys) || maxKeys < 1)
    problems.at('maxKeys').add(`${maxKeys} is out of range; give at least 1`);
  const shared =
    options.shared && resolveRateLimit({ ...options.rates[0], shared: options.shared }, problems.at('shared'))?.shared;
  if (shared !== undefined && limits === undefined)
    problems.at('shared').add('there is no store to share it in; give it as limits, or leave shared out');
  if (problems.found.length > 0) {
    throw fail('POLICY_INVALID', `The limit "${name}" can't be used:\n${problems.found.join('\n')}`, {
      details: { policy: name },
    });
  }
  const rules = rates.map((rate) => ({
    rate,
    table: new QuotaTable({ rate, rates: new Map(), maxKeys, by: 'key', shared: undefined }),
  }));
  const local = (key: string, cost: number): KeyedVerdict => admitHere(rules, key, cost, clock.monotonic());
  const store = shared && limits && new SharedLimit(shared, limits, clock, options.onFailure);

  async function ask(ctx: Context, key: string, cost: number, asked: SharedLimit): Promise<KeyedVerdict> {
    let nearest: LimitStanding | undefined;
    for (const [at, { rate, table }] of rules.entries()) {
      const verdict = await asked.ask(ctx, `${name}:${at}:${key}`, rate, cost);
      if (verdict.kind === 'unknown') {
        if (shared?.onFailure === 'closed') return { kind: 'unknown', retryAfterMs: verdict.retryAfterMs };
        if (shared?.onFailure === 'local') return local(key, cost);
        continue;
      }
      table.count(verdict.kind === 'admitted');
      const standing = { rate, available: Math.floor(verdict.available) };
      if (verdict.kind === 'refused') return { kind: 'refused', standing, retryAfterMs: verdict.retryAfterMs };
      nearest = nearer(nearest, standing);
    }
    return { kind: 'admitted', standing: nearest ?? untouched(rules) };
  }

  return {
    admit: (ctx, key, cost = 1) => (store === undefined ? local(key, cost) : ask(ctx(), key, cost, store)),
    standings(key) {
      if (store !== undefined) return undefined;
      const nowMs = clock.monotonic();
      return rules.map(({ rate, table }) => standingOf(table.limitOf(key, rate, nowMs), nowMs));
    },
    inspect() {
      const tables = rules.map(({ table }) => table.inspect());
      const sum = (of: (state: (typeof tables)[number]) => number) => Math.max(0, ...tables.map(of));
      return {
        name,
        rates,
        keys: sum(({ keys }) => keys),
        maxKeys,
        overflowed: sum(({ overflowed }) => overflowed),
        admitted: sum(({ admitted }) => admitted),
        refused: tables.reduce((total, { refused }) => total + refused, 0),
        shared: store?.inspect(clock.monotonic()),
      };
    },
    near: (share, most) => rules.map(({ table }) => table.near(clock.monotonic(), share, most)),
  };
}

/** None of the rates counts what one of them refuses. */
function admitHere(rules: readonly Rule[], key: string, cost: number, nowMs: number): KeyedVerdict {
  const limits: Gcra[] = [];
  for (const { rate, table } of rules) {
    const limit = table.limitOf(key, rate, nowMs);
    const retryAfterMs = limit.afterMs(nowMs, cost);
    if (retryAfterMs > 0) {
      table.count(false);
      return { kind: 'refused', standing: standingOf(limit, nowMs), retryAfterMs };
    }
    limits.push(limit);
  }
  let nearest: LimitStanding | undefined;
  for (const [at, limit] of limits.entries()) {
    limit.take(nowMs, cost);
    rules[at]?.table.count(true);
    nearest = nearer(nearest, standingOf(limit, nowMs));
  }
  return { kind: 'admitted', standing: nearest ?? untouched(rules) };
}

function standingOf(limit: Gcra, nowMs: number): LimitStanding {
  return { rate: limit.rate, available: Math.floor(limit.inspect(nowMs).available) };
}

/** The one with the smaller share of its burst left. */
function nearer(one: LimitStanding | undefined, other: LimitStanding): LimitStanding {
  if (one === undefined) return other;
  return other.available / other.rate.burst < one.available / one.rate.burst ? other : one;
}

/** Nothing is known of any of them: the first, as if it were new. */
function untouched([first]: readonly Rule[]): LimitStanding {
  const rate = first?.rate ?? { count: 1, perMs: 1_000, burst: 1 };
  return { rate, available: rate.burst };
}
