import type { Database } from '../../database.ts';
import type { Context } from '@fairlead/core';
import type { LoggedEvent } from '../log-types.ts';

/** What was wrong with what a reader delivered; all zero when nothing was. */
export interface DeliveryVerdict {
  /** Committed, and not delivered. */
  readonly lost: number;
  /** Delivered more than once. */
  readonly doubled: number;
  /** Delivered, and not committed. */
  readonly invented: number;
  /** Not the next version of their stream, or not above the position before. */
  readonly disordered: number;
}

const PAGE = 10_000;

/** What one reader has delivered. */
export class DeliveryRecord {
  readonly #times = new Map<bigint, number>();
  readonly #versions = new Map<string, number>();
  readonly #transactions = new Map<string, number>();
  #last = 0n;
  #disordered = 0;

  /** Takes events down as delivered at `atMs`. */
  add(events: readonly LoggedEvent[], atMs: number): void {
    for (const { position, stream, version, id } of events) {
      this.#times.set(position, (this.#times.get(position) ?? 0) + 1);
      if (position <= this.#last || version !== (this.#versions.get(stream) ?? 0) + 1) this.#disordered += 1;
      this.#last = position;
      this.#versions.set(stream, version);
      const transaction = id.slice(0, id.indexOf('/'));
      if (!this.#transactions.has(transaction)) this.#transactions.set(transaction, atMs);
    }
  }

  get events(): number {
    return this.#times.size;
  }

  /** When the first event of a transaction was delivered. */
  deliveredAt(transaction: string): number | undefined {
    return this.#transactions.get(transaction);
  }

  /** Compares with what the log holds now that nobody writes any more. */
  async verdict(ctx: Context, database: Database): Promise<DeliveryVerdict> {
    let committed = 0;
    let lost = 0;
    for (let after = '0'; ;) {
      const { rows } = await database.query<{ position: string }>(
        ctx,
        'select position from fairlead_log where position > $1 order by position limit $2',
        [after, PAGE],
      );
      for (const { position } of rows) if (!this.#times.has(BigInt(position))) lost += 1;
      committed += rows.length;
      after = rows.at(-1)?.position ?? after;
      if (rows.length < PAGE) break;
    }
    const doubled = [...this.#times.values()].filter((times) => times > 1).length;
    return { lost, doubled, invented: this.events - (committed - lost), disordered: this.#disordered };
  }
}
