import { ConsumerRow, type ConsumerKind } from './consumer-row.ts';
import type { Identity } from './filter.ts';
import { ProvenIdentity } from './proven-identity.ts';

/** Who has asked, and what became of it. Times are the clock's monotonic time, in milliseconds. */
export interface ConsumerCounts {
  /** By which of them; `nobody` for those who proved nothing. */
  readonly kind: ConsumerKind;
  /** Empty for nobody. */
  readonly name: string;
  readonly tenant: string | undefined;
  readonly requests: number;
  /** Those that the proxy answered itself with 400 to 498, by cause. */
  readonly refused: Readonly<Record<string, number>>;
  /** Those answered with 500 or more. */
  readonly failed: number;
  /** Since when these are counted. */
  readonly sinceMs: number;
  readonly lastAtMs: number;
}

/** Those who have asked lately. */
export interface ConsumersReport {
  /** Those who asked last come first. */
  readonly consumers: readonly ConsumerCounts[];
  /** How many were forgotten to make room for others. */
  readonly forgotten: number;
}

const MOST = 1_000;
/** How many of the oldest are looked at for one to forget. */
const LOOKS = 8;
/** What a stranger may make as long as he likes. */
const MOST_NAME = 128;

/**
 * Who has asked lately: at most a thousand, of whom those are forgotten who were not heard of longest, by second chance. A request of an
 * identity that is known already makes nothing.
 */
export class ConsumerTable {
  readonly #rows = new Map<string, ConsumerRow>();
  #nobody: ConsumerRow | undefined;
  #forgotten = 0;

  ended(identity: Identity | undefined, status: number, cause: string | undefined, atMs: number): void {
    const known = identity instanceof ProvenIdentity ? identity.row : undefined;
    const row = known?.table === this && !known.isForgotten ? known : this.#rowOf(identity, atMs);
    row.count(status, cause, atMs);
  }

  /** @param most at most so many */
  read(most: number): ConsumersReport {
    const rows = [...this.#rows.values(), ...(this.#nobody === undefined ? [] : [this.#nobody])];
    return {
      consumers: rows
        .toSorted((a, b) => b.lastAtMs - a.lastAtMs)
        .slice(0, most)
        .map(({ kind, name, tenant, requests, failed, refused, sinceMs, lastAtMs }) => ({
          kind,
          name,
          tenant,
          requests,
          failed,
          refused: Object.fromEntries(refused ?? []),
          sinceMs,
          lastAtMs,
        })),
      forgotten: this.#forgotten,
    };
  }

  #rowOf(identity: Identity | undefined, atMs: number): ConsumerRow {
    if (identity === undefined) return (this.#nobody ??= new ConsumerRow(this, 'nobody', '', undefined, atMs));
    const { consumer, subject, tenant } = identity;
    const kind = consumer !== undefined ? 'consumer' : subject !== undefined ? 'subject' : 'tenant';
    const name = (consumer ?? subject ?? tenant ?? '').slice(0, MOST_NAME);
    const key = `${kind} ${tenant?.length ?? '-'}:${tenant ?? ''} ${name}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rows.size >= MOST) this.#forgetOne();
      row = new ConsumerRow(this, kind, name, tenant?.slice(0, MOST_NAME), atMs);
      this.#rows.set(key, row);
    }
    if (identity instanceof ProvenIdentity) identity.row = row;
    return row;
  }

  /** The first of the oldest that was not heard of since it was last looked at; else the oldest. */
  #forgetOne(): void {
    let looks = 0;
    for (const [key, row] of this.#rows) {
      this.#rows.delete(key);
      if (!row.isUsed || ++looks === LOOKS) {
        row.isForgotten = true;
        this.#forgotten += 1;
        return;
      }
      row.isUsed = false;
      this.#rows.set(key, row);
    }
  }
}
