import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import type { Decision, LateFacts } from './decision.ts';
import { askEntry, byPrecedence, type MatchEntry } from './match-entry.ts';

/** What is said when no route has a request. */
export const NO_ROUTE = { kind: 'no-route' } as const;

/** The entries of one path, in the order in which they are asked. */
export class Spot<Route extends CompiledRoute> {
  readonly #entries: readonly MatchEntry<Route>[];
  /** What is said to every request, when the first entry takes them all. */
  readonly #always: Decision<Route> | undefined;
  readonly #isExclusive: boolean;
  /** Every method that an entry takes; `undefined` when one takes them all. */
  readonly #methods: readonly string[] | undefined;
  readonly #refusal: Decision<Route>;

  constructor(entries: readonly MatchEntry<Route>[]) {
    this.#entries = entries.toSorted(byPrecedence);
    const [first] = this.#entries;
    this.#always = first !== undefined && takesEverything(first) ? first.decision : undefined;
    this.#isExclusive = entries.some((entry) => entry.isExclusive);
    const takesAll = entries.some((entry) => entry.methods === undefined);
    const methods = [...new Set(entries.flatMap((entry) => entry.methods ?? []))];
    this.#methods = takesAll ? undefined : methods;
    this.#refusal = { kind: 'method-not-allowed', allow: methods.join(', ') };
  }

  /** The first entry that takes the request; `undefined` when other paths are to be asked. */
  ask(facts: PassageFacts, late: LateFacts | undefined): Decision<Route> | undefined {
    if (this.#always !== undefined) return this.#always;
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

function takesEverything({ methods, conditions }: MatchEntry<CompiledRoute>): boolean {
  const { early, identity, body } = conditions;
  return methods === undefined && early.length === 0 && identity.length === 0 && body.length === 0;
}
