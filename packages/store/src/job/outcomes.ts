import type { ClaimedJob } from './claimed-job.ts';
import { JointClaims, type EndedClaims } from './joint-claims.ts';
import type { Outcome } from './running-job.ts';

/** What the statement is told of a job. */
type ToldOutcome = Exclude<Outcome, { readonly kind: 'completed' | 'lost' }>;

/** An outcome on its way. */
interface Settled {
  readonly claimed: ClaimedJob;
  readonly claim: string;
  readonly outcome: ToldOutcome;
}

/** What one statement tells. */
export interface Report {
  readonly settled: readonly Settled[];
  readonly claims: EndedClaims;
  /** How many outcomes there were up to it. */
  readonly upTo: number;
}

/** Nothing to tell. */
export const NO_REPORT: Report = { settled: [], claims: { whole: new Set(), over: [], slow: [] }, upTo: 0 };

/** What became of the jobs of a queue, until the database knows. Told by one statement at a time. */
export class Outcomes {
  readonly #claims = new JointClaims();
  #settled: Settled[] = [];
  /** Outcomes so far, and how many of the first of them are told. */
  #count = 0;
  #told = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** How many are to be told. */
  get untold(): number {
    return this.#settled.length;
  }

  /** Whether anything is left to tell, if only that claims are over. */
  get unfinished(): boolean {
    return this.#settled.length > 0 || this.#claims.untold;
  }

  /** When a statement has to tell at the latest, by the monotonic clock; Infinity for never. */
  get dueAtMs(): number {
    return this.#settled.length > 0 ? -Infinity : this.#claims.dueAtMs;
  }

  /** So many jobs were claimed by a row of the claim's own. */
  began(claim: string, jobs: number, nowMs: number): void {
    this.#claims.began(claim, jobs, nowMs);
  }

  /** A job that was claimed has ended, or was not begun. */
  ended(claimed: ClaimedJob, claim: string, outcome: Outcome, nowMs: number): void {
    if (outcome.kind === 'lost') {
      this.#claims.lost(claim);
      return;
    }
    this.#claims.ended(claim, outcome.kind === 'done', nowMs);
    if (outcome.kind === 'completed') return;
    this.#settled.push({ claimed, claim, outcome });
    this.#count += 1;
  }

  /** What is to be told now. `told` or `keep` follows before the next one. */
  take(nowMs: number): Report {
    const settled = this.#settled;
    this.#settled = [];
    return { settled, claims: this.#claims.take(nowMs), upTo: this.#count };
  }

  /** Takes back what could not be told. */
  keep({ settled, claims }: Report): void {
    this.#settled = [...settled, ...this.#settled];
    this.#claims.keep(claims);
  }

  /** It is told. */
  told({ upTo }: Report): void {
    this.#told = Math.max(this.#told, upTo);
    for (const { count, resolve } of this.#waiting) if (count <= this.#told) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => count > this.#told);
  }

  /** Resolves when all outcomes up to now are told. */
  allTold(): Promise<void> {
    if (this.#told >= this.#count) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count: this.#count, resolve });
    return promise;
  }
}

/** The parameters by which a statement is told: ids and tokens of what is done, and the others as JSON. */
export function reportParams({ settled, claims }: Report): {
  readonly ids: readonly string[];
  readonly tokens: readonly number[];
  readonly others: string | null;
} {
  const ids: string[] = [];
  const tokens: number[] = [];
  const others: object[] = [];
  for (const { claimed, claim, outcome } of settled) {
    const { id, token } = claimed;
    if (outcome.kind !== 'done') others.push({ id, token, ...outcome });
    else if (!claims.whole.has(claim)) {
      ids.push(id);
      tokens.push(token);
    }
  }
  return { ids, tokens, others: others.length === 0 ? null : JSON.stringify(others) };
}

/** Whether it may let jobs be claimed: the next ones of keys, and those that are given back. */
export function letsGo({ settled }: Report): boolean {
  return settled.some(({ claimed, outcome }) => claimed.key !== undefined || outcome.kind !== 'done');
}
