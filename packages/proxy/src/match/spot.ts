import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import type { Asked, Decision, LateFacts } from './decision.ts';
import { askEntry, byPrecedence, type MatchEntry } from './match-entry.ts';

/** What is said when no route has a request. */
export const NO_ROUTE = { kind: 'no-route' } as const;

/** The entries of one path, in the order in which they are asked. */
export class Spot<Route extends CompiledRoute> implements Asked<Route> {
  readonly #entries: readonly MatchEntry<Route>[];
  readonly #isExclusive: boolean;
  /** Every method that an entry takes; `undefined` when one takes them all. */
  readonly #methods: readonly string[] | undefined;
  readonly #refusal: Decision<Route>;

  constructor(entries: readonly MatchEntry<Route>[]) {
    this.#entries = entries.toSorted(byPrecedence);
    this.#isExclusive = entries.some((entry) => entry.isExclusive);
    const takesAll = entries.some((entry) => entry.methods === undefined);
    const methods = this.#isExclusive ? [...new Set(entries.flatMap((entry) => entry.methods ?? []))] : [];
    this.#methods = takesAll ? undefined : methods;
    this.#refusal = { kind: 'method-not-allowed', allow: methods.join(', ') };
  }

  ask(facts: PassageFacts, late: LateFacts | undefined): Decision<Route> | undefined {
    for (const entry of this.#entries) {
      const decision = askEntry(entry, facts, late);
      if (decision !== undefined) return decision;
    }
    return this.refusal(facts);
  }

  /** What an exclusive path says to a request that none of its entries takes; `undefined` of another path. */
  refusal(facts: PassageFacts): Decision<Route> | undefined {
    if (!this.#isExclusive) return undefined;
    return this.#methods === undefined || this.#methods.includes(facts.method) ? NO_ROUTE : this.#refusal;
  }
}

/** Whom to ask about a path with these entries: where the only one takes every request, that one. */
export function askedOf<Route extends CompiledRoute>(entries: readonly MatchEntry<Route>[]): Asked<Route> {
  const [first] = entries;
  return first !== undefined && entries.length === 1 && takesEverything(first) ? first.decision : new Spot(entries);
}

function takesEverything({ methods, conditions }: MatchEntry<CompiledRoute>): boolean {
  const { early, identity, body } = conditions;
  return methods === undefined && early.length === 0 && identity.length === 0 && body.length === 0;
}
