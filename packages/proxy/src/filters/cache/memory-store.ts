import type { Clock } from '@fairlead/core';
import { AnswerIndex } from './answer-index.ts';
import type { CacheStore, PurgeQuery, StoreReport } from './cache-store.ts';
import { Entry } from './entry.ts';
import { MemorySpool } from './memory-spool.ts';
import { Sieve } from './sieve.ts';
import type { Spool } from './spool.ts';
import type { AnswerRecord } from './stored-answer.ts';

/** What an entry takes beside its texts and its body: objects, its places in maps and lists. */
const OVERHEAD_BYTES = 1_024;

/** What keeping an answer takes. Its head is there twice, as fields and as lines. */
export function entryBytes(record: AnswerRecord, bodyBytes: number): number {
  const fields = record.fields.reduce((sum, text) => sum + text.length + 3, 0);
  const key = record.resource.length + record.partition.length;
  const selecting = record.selecting.reduce((sum, [name, value = '']) => sum + name.length + value.length, 0);
  const tags = record.tags.reduce((sum, tag) => sum + tag.length, 0);
  return bodyBytes + 2 * fields + key + selecting + tags + OVERHEAD_BYTES;
}

/** Answers in memory: at most `maxBytes` of them, those on their way included. */
export class MemoryStore implements CacheStore {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #maxObjectBytes: number;
  readonly #index = new AnswerIndex();
  readonly #sieve = new Sieve<Entry>();
  /** Of bodies that are on their way. */
  #reservedBytes = 0;
  #evicted = 0;

  constructor(clock: Clock, maxBytes: number, maxObjectBytes: number) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#maxObjectBytes = maxObjectBytes;
  }

  find(resource: string, partition: string): readonly Entry[] {
    return this.#index.find(resource, partition);
  }

  begin(record: AnswerRecord, bodyBytes: number): Spool | undefined {
    if (bodyBytes > this.#maxObjectBytes) return undefined;
    const headBytes = entryBytes(record, 0);
    if (!this.#reserve(headBytes + Math.max(0, bodyBytes))) return undefined;
    return new MemorySpool(bodyBytes, this.#maxObjectBytes, {
      reserve: (bytes) => this.#reserve(bytes),
      release: (bytes) => this.#release(bytes),
      gone: () => this.#release(headBytes),
      whole: (body) => {
        this.#release(headBytes + body.length);
        const ageMs = record.initialAgeMs;
        const nowMs = this.#clock.monotonic();
        const entry = new Entry(record, body.length, ({ from, to }) => body.subarray(from, to), ageMs, nowMs);
        this.#keep(entry);
        return entry;
      },
    });
  }

  confirm(entry: Entry, confirmed: Entry): void {
    if (!this.#sieve.has(entry)) return;
    this.remove(entry);
    if (this.#reserve(entryBytes(confirmed.record, confirmed.bodyBytes))) {
      this.#release(entryBytes(confirmed.record, confirmed.bodyBytes));
      this.#keep(confirmed);
    }
  }

  remove(entry: Entry): void {
    if (this.#sieve.delete(entry)) this.#index.delete(entry);
  }

  purge(query: PurgeQuery): number {
    const meant = query.kind === 'all' ? [...this.#sieve.values()] : this.#index.meant(query);
    for (const entry of meant) this.remove(entry);
    return meant.length;
  }

  list(most: number): readonly Entry[] {
    return this.#sieve.values().take(most).toArray();
  }

  report(): StoreReport {
    return {
      store: 'memory',
      entries: this.#sieve.size,
      bytes: this.#sieve.bytes + this.#reservedBytes,
      maxBytes: this.#maxBytes,
      evicted: this.#evicted,
      failures: 0,
    };
  }

  async close(): Promise<void> {
    this.purge({ kind: 'all' });
  }

  #keep(entry: Entry): void {
    for (const replaced of this.#index.add(entry)) this.#sieve.delete(replaced);
    this.#sieve.add(entry, entryBytes(entry.record, entry.bodyBytes));
  }

  /** Makes room, as far as bodies on their way leave any: what is stored goes first. */
  #reserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.#maxBytes) return false;
    while (this.#sieve.bytes + this.#reservedBytes + bytes > this.#maxBytes) {
      const next = this.#sieve.next();
      if (next === undefined) return false;
      this.remove(next);
      this.#evicted += 1;
    }
    this.#reservedBytes += bytes;
    return true;
  }

  #release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }
}
