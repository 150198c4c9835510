import { Gcra, type ResolvedRate } from '@fairlead/policy';

/** A question about a limit: its number, key, cost, and the rate's count, milliseconds and burst. */
export type LimitAsk = readonly [id: number, key: string, cost: number, count: number, perMs: number, burst: number];

/** What was decided: the question's number, what is still available, and 0 when admitted, else how long to wait; −1 for ever. */
export type LimitTold = readonly [id: number, available: number, retryAfterMs: number];

/** Limits that several processes count together, in the memory of one of them. */
export class LimitLedger {
  readonly #limits = new Map<string, Gcra>();
  /** How many are kept at most. */
  readonly maxKeys: number;

  /** @param maxKeys how many are kept; beyond that those without debt go, and then the oldest */
  constructor(maxKeys = 100_000) {
    this.maxKeys = maxKeys;
  }

  /** How many are kept. */
  get size(): number {
    return this.#limits.size;
  }

  decide([id, key, cost, count, perMs, burst]: LimitAsk, nowMs: number): LimitTold {
    const rate: ResolvedRate = { count, perMs, burst };
    const place = `${count} ${perMs} ${burst} ${key}`;
    let limit = this.#limits.get(place);
    if (limit === undefined) {
      if (this.#limits.size >= this.maxKeys) this.#makeRoom(nowMs);
      limit = new Gcra(rate);
      this.#limits.set(place, limit);
    }
    const waitMs = limit.admitAfterMs(nowMs, cost);
    return [id, limit.inspect(nowMs).available, waitMs === Infinity ? -1 : waitMs];
  }

  /** All that are kept under keys that begin so, each with what follows. Looks at all. */
  *under(beginning: string): Iterable<readonly [rest: string, limit: Gcra]> {
    for (const [place, limit] of this.#limits) {
      const key = place.split(' ').slice(3).join(' ');
      if (key.startsWith(beginning)) yield [key.slice(beginning.length), limit];
    }
  }

  /** One without debt is as good as a new one. */
  #makeRoom(nowMs: number): void {
    for (const [place, limit] of this.#limits) if (limit.debt(nowMs) === 0) this.#limits.delete(place);
    for (const place of this.#limits.keys()) {
      if (this.#limits.size < this.maxKeys) return;
      this.#limits.delete(place);
    }
  }
}
