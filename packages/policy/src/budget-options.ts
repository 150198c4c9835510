import type { Problems } from './problems.ts';
import { Fields, type DurationText, type RatioText } from './readers.ts';

/** How many further attempts, retries and hedges together, the calls of a destination may cost. `off`: any number. */
export type BudgetSpec = 'off' | BudgetShare;

/** A share of the calls. */
export interface BudgetShare {
  /** Further attempts for each call; up to `1000%`. Default `10%`; `0%` leaves only the floor. */
  readonly ratio?: RatioText;
  /** Further attempts a second whatever the number of calls. Default 1; 0 leaves only the ratio. */
  readonly floorPerSecond?: number;
  /** How long a call counts, and how long the floor can be saved up; 1 s to 60 s. Default `10s`. */
  readonly ttl?: DurationText;
}

/** How many further attempts calls may cost, as it is used. */
export interface ResolvedBudget {
  readonly ratio: number;
  /** Further attempts in `ttlMs` whatever the number of calls. */
  readonly reserve: number;
  readonly ttlMs: number;
}

const KEYS = { ratio: true, floorPerSecond: true, ttl: true } as const;

/** Reads `budget`; without one it has its defaults, and `undefined` says that it is off. */
export function resolveBudget(spec: unknown, place: Problems): ResolvedBudget | undefined {
  if (spec === 'off') return undefined;
  const fields = new Fields<BudgetShare>(spec ?? {}, place, KEYS);
  const ratio = fields.ratio('ratio', 0.1, { max: 10 });
  const floorPerSecond = fields.number('floorPerSecond', 1);
  const ttlMs = fields.durationMs('ttl', 10_000, { min: 1_000, max: 60_000 });
  return { ratio, reserve: (floorPerSecond * ttlMs) / 1_000, ttlMs };
}
