import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';

/** What the document must be for a write to happen: anything, absent, there, or at exactly this version. */
export type ExpectedDoc = 'any' | 'none' | 'exists' | number;

/** A document as it was read. */
export interface Doc {
  readonly key: string;
  /** Grows with each put, by 1 or more, also over a deletion; whole, above 0. */
  readonly version: number;
  /** JSON value; `undefined` when `sealed` is `closed` or `shredded`. */
  readonly body: unknown;
  /**
   * Absent for a body that lies in the clear. `opened`: it was encrypted. `closed`: it is, and there was no seal to open it
   * with. `shredded`: the keys of its tenant were destroyed.
   */
  readonly sealed?: 'opened' | 'closed' | 'shredded';
  readonly tenant: string | undefined;
  /** When it becomes absent, in milliseconds since the epoch by `fairlead.now()`; `undefined` for never. */
  readonly expiresAt: number | undefined;
  /** When it was put, likewise. */
  readonly updatedAt: number;
}

/** How a document is put. */
export interface PutOptions {
  /** Default `any`. */
  readonly expected?: ExpectedDoc;
  /** From when on it is absent, in milliseconds from now. Default: never. 0 makes it absent at once. */
  readonly expiresInMs?: number;
}

/** What came of a put. A conflict wrote nothing and leaves the transaction usable; `actual` is 0 when there is none. */
export type PutResult =
  | { readonly kind: 'put'; readonly version: number }
  | { readonly kind: 'conflict'; readonly actual: number };

/** What came of a delete; `absent` when there was nothing to delete. */
export type DeleteResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'conflict'; readonly actual: number };

/** One of several documents that are put at once. */
export interface DocEntry extends PutOptions {
  readonly key: string;
  /** JSON value. */
  readonly body: unknown;
}

/** Which documents are listed. */
export interface ListOptions {
  /** Only keys that begin so. Default: all. */
  readonly prefix?: string;
  /** Only keys after this one: `next` of the page before. Default: from the first. */
  readonly after?: string;
  /** How many at most. Default 100; from 1 to 1 000. */
  readonly limit?: number;
}

/** A page of documents, by key in the order of code points. */
export interface DocPage {
  readonly docs: readonly Doc[];
  /** For the next page; `undefined` when this is the last. */
  readonly next: string | undefined;
}

/** Where documents are read: in a transaction, or on their own. */
export type DocSource = Tx | { readonly ctx: Context; readonly database: Database };

/** How one document is read. */
export interface GetOptions {
  /**
   * Locks the document until the caller's transaction ends: `share` keeps it from being changed, `update` also from being locked by
   * others. Only in a transaction, and only a document that is there. Default: it isn't locked.
   */
  readonly lock?: 'share' | 'update';
}

/** How a namespace is opened. */
export interface DocsOptions {
  /**
   * `context`, the default: a document belongs to the tenant of the Context that it is read or written under, and what two
   * tenants call alike are two documents. `none`: the documents are nobody's, whatever the Context.
   */
  readonly tenancy?: 'context' | 'none';
  /** The most that a body may measure as JSON in UTF-8, in bytes. Default 1 MiB; at least 1. */
  readonly maxBodyBytes?: number;
  /**
   * Encrypts bodies for the Context's tenant, so that they are gone when the tenant's keys are destroyed; keys lie in the clear.
   * Default: bodies do, too.
   */
  readonly seal?: PayloadSeal | undefined;
}

/**
 * The documents of one namespace.
 *
 * Reads have the snapshot of their transaction; in `read committed` that is one a statement, so what was read without a lock may have
 * changed by the next statement: give `put` its version as `expected`, or read with `lock`. A write waits for a transaction that has
 * written the same document and then compares with what is there; above `read committed` a document that has changed since the
 * snapshot is SQLSTATE 40001 instead (the transaction runs again where `retry` says so).
 */
export interface Docs {
  readonly namespace: string;
  /** @throws DOC_INVALID for a key that is empty or has a NUL, and with `seal` what it throws; so do all below */
  get(from: DocSource, key: string, options?: GetOptions): Promise<Doc | undefined>;
  /** Those of the keys that are there, in one statement. */
  getMany(from: DocSource, keys: readonly string[]): Promise<ReadonlyMap<string, Doc>>;
  /**
   * Puts a document in the caller's transaction. The document stays locked until that ends.
   * @throws DOC_INVALID also for a body that is not JSON; DOC_TOO_LARGE; both before anything is sent
   */
  put(tx: Tx, key: string, body: unknown, options?: PutOptions): Promise<PutResult>;
  /**
   * Puts several, in one statement and in the order of their keys, so that two who do so can't wait in a circle. The results
   * are in the order of the entries; an entry that conflicts does not keep the others from being put.
   * @throws DOC_INVALID also when two entries have one key; DOC_TOO_LARGE
   */
  putMany(tx: Tx, entries: readonly DocEntry[]): Promise<readonly PutResult[]>;
  /** Deletes a document; `expected` is `any` by default. */
  delete(tx: Tx, key: string, options?: { readonly expected?: ExpectedDoc }): Promise<DeleteResult>;
  list(from: DocSource, options?: ListOptions): Promise<DocPage>;
}
