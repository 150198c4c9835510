import type { Entry } from './entry.ts';
import type { Spool } from './spool.ts';
import type { AnswerRecord } from './stored-answer.ts';
import type { SentFields } from './vary.ts';

/** What is to be forgotten. */
export type PurgeQuery =
  | { readonly kind: 'all' }
  /** What names this group in `Cache-Tag` or `Surrogate-Key`. */
  | { readonly kind: 'tag'; readonly tag: string }
  /** All answers to one URL, of all tenants and variants. */
  | { readonly kind: 'resource'; readonly resource: string };

/** How full a store is. Bytes are −1, entries too, where nobody counts them here. */
export interface StoreReport {
  readonly store: 'memory' | 'disk' | 'redis';
  readonly entries: number;
  /** Of heads, bodies and what keeping them takes; bodies that are on their way included. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly evicted: number;
  /** Failures of the store itself; requests went on without it. */
  readonly failures: number;
}

/** Where answers are kept. None of these throws: what fails is as if it were not there. */
export interface CacheStore {
  /** Answers to a URL within a partition, the newest first; at least those that a request with these fields may choose. At once where it is known at once. */
  find(resource: string, partition: string, fields: SentFields): readonly Entry[] | Promise<readonly Entry[]>;
  /** Begins to keep an answer, which takes the place of those with the same record; `undefined` when there is no room. `bodyBytes` −1: nobody knows. */
  begin(record: AnswerRecord, bodyBytes: number): Spool | undefined;
  /** Another head for a body that is here. */
  confirm(entry: Entry, confirmed: Entry): void;
  remove(entry: Entry): void;
  /** How many were forgotten. */
  purge(query: PurgeQuery): number | Promise<number>;
  /** Some of those that there are. */
  list(most: number): readonly Entry[] | Promise<readonly Entry[]>;
  report(): StoreReport;
  close(): Promise<void>;
}
