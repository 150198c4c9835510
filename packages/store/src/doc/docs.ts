/*
 * Documents: the present state of something, by namespace and key. Around this file:
 *   doc-types.ts   what callers see        doc-body.ts     a body as JSON, and how large it may be
 *   doc-sweep.ts   rows that have expired  doc-tenants.ts whose documents there are
 *   prefix-end.ts   where the keys of a prefix end
 *   sealed-docs.ts bodies that only keys open   sql-of.ts  in a transaction or on its own
 */
import { FairleadError, type Context } from '@fairlead/core';
import type { Row, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { bodyText } from './doc-body.ts';
import type {
  DeleteResult,
  Doc,
  DocEntry,
  DocPage,
  Docs,
  DocsOptions,
  DocSource,
  ExpectedDoc,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
} from './doc-types.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import { prefixEnd } from './prefix-end.ts';
import { sqlOf } from './sql-of.ts';
import { openBodies, sealBodies } from './sealed-docs.ts';

const DEFAULTS = { tenancy: 'context', maxBodyBytes: 1024 * 1024 } as const satisfies DocsOptions;
const EXPECTED = { any: -1, exists: -2, none: 0 } as const;
const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;

const COLUMNS = 'key, version, body, tenant, expires_at, updated_at, sealed';
const PRESENT = '(expires_at is null or expires_at > fairlead.now())';
const GET_ONE = keepPrepared(
  `select ${COLUMNS} from fairlead_doc where namespace = $1 and owner = $2 and key = $3 and ${PRESENT}`,
);
const LOCKED = { share: `${GET_ONE} for share`, update: `${GET_ONE} for update` } as const;
const GET = `select ${COLUMNS} from fairlead_doc where namespace = $1 and owner = $2 and key = any($3::text[]) and ${PRESENT}`;
const LIST = `select ${COLUMNS} from fairlead_doc
  where namespace = $1 and owner = $2 and key >= $3 and key > $4 and ($5::text is null or key < $5) and ${PRESENT}
  order by key limit $6`;
const PUT = keepPrepared('select conflict, stored from fairlead_doc_put($1, $2, $3, $4, $5, $6, $7)');
// Rows of a function in the from clause come one after another, in the order of the rows that it is called with.
const PUT_MANY = keepPrepared(`select e.ordinal, p.conflict, p.stored
  from (select * from unnest($3::text[], $4::bigint[], $5::text[], $7::float8[])
          with ordinality as u (key, expected, body, expires_ms, ordinal) order by key collate "C") e
  cross join lateral fairlead_doc_put($1, $2, e.key, e.expected, e.body, $6, e.expires_ms) p`);

/**
 * The documents of one namespace: versioned JSON by key, written in the caller's transaction and read in it or on their own.
 * Time is `fairlead.now()`, so a document that has expired is absent at once; `sweepDocs` removes its row.
 *
 * Namespaces that begin with `fairlead.` are the platform's: cursors of subscriptions are such documents.
 * @throws MISCONFIGURED for an empty namespace or a limit out of range
 */
export function docs(namespace: string, options: DocsOptions = {}): Docs {
  const { tenancy, maxBodyBytes, seal } = { ...DEFAULTS, ...options };
  if (namespace === '' || namespace.includes('\0'))
    throw misconfigured(`docs(${JSON.stringify(namespace)}): a namespace needs a name without NUL characters.`);
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1)
    throw misconfigured(`docs("${namespace}"): maxBodyBytes is ${maxBodyBytes}; give a whole number from 1.`);
  return new Namespace(namespace, { tenancy, maxBodyBytes, seal });
}

class Namespace implements Docs {
  readonly namespace: string;
  readonly #options: Required<DocsOptions>;

  constructor(namespace: string, options: Required<DocsOptions>) {
    this.namespace = namespace;
    this.#options = options;
  }

  async get(from: DocSource, key: string, { lock }: GetOptions = {}): Promise<Doc | undefined> {
    this.#check(key);
    const [doc] = await this.#read(from, lock === undefined ? GET_ONE : LOCKED[lock], [key]);
    return doc;
  }

  async getMany(from: DocSource, keys: readonly string[]): Promise<ReadonlyMap<string, Doc>> {
    for (const key of keys) this.#check(key);
    if (keys.length === 0) return new Map();
    const found = await this.#read(from, GET, [keys]);
    return new Map(found.map((doc) => [doc.key, doc]));
  }

  async put(tx: Tx, key: string, body: unknown, options: PutOptions = {}): Promise<PutResult> {
    this.#check(key);
    const expected = this.#expected(key, options.expected);
    const expiry = this.#expiry(key, options.expiresInMs);
    const bodies = await this.#bodies(tx, [{ key, body }]);
    const { rows } = await tx.query<PutRow>(PUT, [
      this.namespace,
      this.#tenant(tx.ctx),
      key,
      expected,
      bodies.json[0],
      bodies.key,
      expiry,
    ]);
    return toResult(rows[0]);
  }

  async putMany(tx: Tx, entries: readonly DocEntry[]): Promise<readonly PutResult[]> {
    const keys = new Set(entries.map((entry) => this.#check(entry.key)));
    if (keys.size < entries.length)
      throw fail('DOC_INVALID', `${this.namespace}: two documents that are put at once have the same key.`);
    if (entries.length === 0) return [];
    const expected = entries.map((entry) => this.#expected(entry.key, entry.expected));
    const expiries = entries.map((entry) => this.#expiry(entry.key, entry.expiresInMs));
    const bodies = await this.#bodies(tx, entries);
    const { rows } = await tx.query<PutRow & { readonly ordinal: string }>(PUT_MANY, [
      this.namespace,
      this.#tenant(tx.ctx),
      entries.map(({ key }) => key),
      expected,
      bodies.json,
      bodies.key,
      expiries,
    ]);
    const byOrdinal = new Map(rows.map((row) => [Number(row.ordinal), row]));
    return entries.map((_, index) => toResult(byOrdinal.get(index + 1)));
  }

  async delete(tx: Tx, key: string, { expected }: { readonly expected?: ExpectedDoc } = {}): Promise<DeleteResult> {
    const { rows } = await tx.query<{ readonly conflict: string | null; readonly deleted: boolean | null }>(
      'select conflict, deleted from fairlead_doc_delete($1, $2, $3, $4)',
      [this.namespace, this.#tenant(tx.ctx), this.#check(key), this.#expected(key, expected)],
    );
    const conflict = rows[0]?.conflict ?? null;
    if (conflict !== null) return { kind: 'conflict', actual: Number(conflict) };
    return { kind: rows[0]?.deleted === true ? 'deleted' : 'absent' };
  }

  async list(from: DocSource, options: ListOptions = {}): Promise<DocPage> {
    const { prefix = '', after = '', limit = DEFAULT_PAGE } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
      throw fail('DOC_INVALID', `${this.namespace}: a list of ${limit} documents; give a limit from 1 to ${MAX_PAGE}.`);
    if (`${prefix}${after}`.includes('\0'))
      throw fail('DOC_INVALID', `${this.namespace}: a prefix or key to list from has a NUL character.`);
    const found = await this.#read(from, LIST, [prefix, after, prefixEnd(prefix) ?? null, limit]);
    return { docs: found, next: found.length < limit ? undefined : found.at(-1)?.key };
  }

  async #read(from: DocSource, text: string, params: readonly unknown[]): Promise<readonly Doc[]> {
    const sql = sqlOf(from);
    const { rows } = await sql.query<DocRow>(text, [this.namespace, this.#tenant(from.ctx) ?? '', ...params]);
    const keys = rows.map((row) => row.sealed);
    return openBodies({ ctx: from.ctx, sql }, this.#options.seal, this.namespace, rows.map(toDoc), keys);
  }

  /** The columns `body` and `sealed`. */
  async #bodies(
    tx: Tx,
    entries: readonly { readonly key: string; readonly body: unknown }[],
  ): Promise<{ readonly json: readonly string[]; readonly key: string | null }> {
    const { seal, maxBodyBytes } = this.#options;
    const plain = entries.map(({ key, body }) => ({ key, json: bodyText(this.#what(key), body, maxBodyBytes) }));
    if (seal === undefined) return { json: plain.map(({ json }) => json), key: null };
    return sealBodies(tx, seal, this.namespace, plain);
  }

  #tenant(ctx: Context): string | null {
    return this.#options.tenancy === 'none' ? null : (ctx.tenant ?? null);
  }

  #what(key: string): string {
    return `${this.namespace}: document "${key}"`;
  }

  #check(key: string): string {
    if (key === '' || key.includes('\0'))
      throw fail(
        'DOC_INVALID',
        `${this.namespace}: a document needs a key that is not empty and has no NUL character.`,
      );
    return key;
  }

  #expected(key: string, expected: ExpectedDoc = 'any'): number {
    if (typeof expected !== 'number') return EXPECTED[expected];
    if (Number.isSafeInteger(expected) && expected >= 0) return expected;
    throw fail(
      'DOC_INVALID',
      `${this.#what(key)} is expected at version ${expected}; give a whole number from 0, 'any', 'none' or 'exists'.`,
    );
  }

  #expiry(key: string, expiresInMs: number | undefined): number | null {
    if (expiresInMs === undefined) return null;
    if (expiresInMs >= 0 && expiresInMs < Number.MAX_SAFE_INTEGER) return expiresInMs;
    throw fail(
      'DOC_INVALID',
      `${this.#what(key)} is to expire in ${expiresInMs} ms; give milliseconds from 0, or nothing.`,
    );
  }
}

/** COLUMNS, whose types the migration fixes. */
interface DocRow extends Row {
  readonly key: string;
  readonly version: string;
  readonly body: unknown;
  readonly tenant: string | null;
  readonly expires_at: Date | null;
  readonly updated_at: Date;
  readonly sealed: string | null;
}

interface PutRow extends Row {
  readonly conflict: string | null;
  readonly stored: string | null;
}

function toDoc(row: DocRow): Doc {
  return {
    key: row.key,
    version: Number(row.version),
    body: row.body,
    tenant: row.tenant ?? undefined,
    expiresAt: row.expires_at?.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}

function toResult(row: PutRow | undefined): PutResult {
  const stored = row?.stored ?? null;
  return stored === null
    ? { kind: 'conflict', actual: Number(row?.conflict ?? 0) }
    : { kind: 'put', version: Number(stored) };
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
