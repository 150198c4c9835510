/*
 * Documents: the present state of something, by namespace and key. Around this file:
 *   doc-types.ts   what callers see        doc-body.ts     a body as JSON, and how large it may be
 *   doc-sweep.ts   rows that have expired  prefix-end.ts   where the keys of a prefix end
 */
import { FairleadError, type Context } from '@fairlead/core';
import type { QueryResult, Row, Tx } from '../database.ts';
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
  ListOptions,
  PutOptions,
  PutResult,
} from './doc-types.ts';
import { prefixEnd } from './prefix-end.ts';

const DEFAULTS = { tenancy: 'context', maxBodyBytes: 1024 * 1024 } as const satisfies DocsOptions;
const EXPECTED = { any: -1, exists: -2, none: 0 } as const;
const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;

const COLUMNS = 'key, version, body, tenant, expires_at, updated_at';
const PRESENT = '(expires_at is null or expires_at > fairlead.now())';
const GET_ONE = `select ${COLUMNS} from fairlead_doc where namespace = $1 and owner = $2 and key = $3 and ${PRESENT}`;
const GET = `select ${COLUMNS} from fairlead_doc where namespace = $1 and owner = $2 and key = any($3::text[]) and ${PRESENT}`;
const LIST = `select ${COLUMNS} from fairlead_doc
  where namespace = $1 and owner = $2 and key >= $3 and key > $4 and ($5::text is null or key < $5) and ${PRESENT}
  order by key limit $6`;
const PUT = 'select conflict, stored from fairlead_doc_put($1, $2, $3, $4, $5, null, $6)';
// Rows of a function in the from clause come one after another, in the order of the rows that it is called with.
const PUT_MANY = `select e.ordinal, p.conflict, p.stored
  from (select * from unnest($3::text[], $4::bigint[], $5::text[], $6::float8[])
          with ordinality as u (key, expected, body, expires_ms, ordinal) order by key collate "C") e
  cross join lateral fairlead_doc_put($1, $2, e.key, e.expected, e.body, null, e.expires_ms) p`;

/**
 * The documents of one namespace: versioned JSON by key, written in the caller's transaction and read in it or on their own.
 * Time is `fairlead.now()`, so a document that has expired is absent at once; `sweepDocs` removes its row.
 *
 * Namespaces that begin with `fairlead.` are the platform's: cursors of subscriptions are such documents.
 * @throws MISCONFIGURED for an empty namespace or a limit out of range
 */
export function docs(namespace: string, options: DocsOptions = {}): Docs {
  const { tenancy, maxBodyBytes } = { ...DEFAULTS, ...options };
  if (namespace === '' || namespace.includes('\0'))
    throw misconfigured(`docs(${JSON.stringify(namespace)}): a namespace needs a name without NUL characters.`);
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1)
    throw misconfigured(`docs("${namespace}"): maxBodyBytes is ${maxBodyBytes}; give a whole number from 1.`);
  return new Namespace(namespace, tenancy, maxBodyBytes);
}

class Namespace implements Docs {
  readonly namespace: string;
  readonly #tenancy: 'context' | 'none';
  readonly #maxBodyBytes: number;

  constructor(namespace: string, tenancy: 'context' | 'none', maxBodyBytes: number) {
    this.namespace = namespace;
    this.#tenancy = tenancy;
    this.#maxBodyBytes = maxBodyBytes;
  }

  async get(from: DocSource, key: string): Promise<Doc | undefined> {
    this.#check(key);
    const { rows } = await read<DocRow>(from, GET_ONE, [this.namespace, this.#tenant(from.ctx) ?? '', key]);
    return rows[0] === undefined ? undefined : toDoc(rows[0]);
  }

  async getMany(from: DocSource, keys: readonly string[]): Promise<ReadonlyMap<string, Doc>> {
    for (const key of keys) this.#check(key);
    if (keys.length === 0) return new Map();
    const { rows } = await read<DocRow>(from, GET, [this.namespace, this.#tenant(from.ctx) ?? '', keys]);
    return new Map(rows.map((row) => [row.key, toDoc(row)]));
  }

  async put(tx: Tx, key: string, body: unknown, options: PutOptions = {}): Promise<PutResult> {
    const { rows } = await tx.query<PutRow>(PUT, [
      this.namespace,
      this.#tenant(tx.ctx),
      this.#check(key),
      this.#expected(key, options.expected),
      bodyText(this.#what(key), body, this.#maxBodyBytes),
      this.#expiry(key, options.expiresInMs),
    ]);
    return toResult(rows[0]);
  }

  async putMany(tx: Tx, entries: readonly DocEntry[]): Promise<readonly PutResult[]> {
    const keys = new Set(entries.map((entry) => this.#check(entry.key)));
    if (keys.size < entries.length)
      throw fail('DOC_INVALID', `${this.namespace}: two documents that are put at once have the same key.`);
    if (entries.length === 0) return [];
    const { rows } = await tx.query<PutRow & { readonly ordinal: string }>(PUT_MANY, [
      this.namespace,
      this.#tenant(tx.ctx),
      entries.map(({ key }) => key),
      entries.map(({ key, expected }) => this.#expected(key, expected)),
      entries.map(({ key, body }) => bodyText(this.#what(key), body, this.#maxBodyBytes)),
      entries.map(({ key, expiresInMs }) => this.#expiry(key, expiresInMs)),
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
    const owner = this.#tenant(from.ctx) ?? '';
    const end = prefixEnd(prefix) ?? null;
    const { rows } = await read<DocRow>(from, LIST, [this.namespace, owner, prefix, after, end, limit]);
    return { docs: rows.map(toDoc), next: rows.length < limit ? undefined : rows.at(-1)?.key };
  }

  #tenant(ctx: Context): string | null {
    return this.#tenancy === 'none' ? null : (ctx.tenant ?? null);
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

function read<R extends Row>(from: DocSource, text: string, params: readonly unknown[]): Promise<QueryResult<R>> {
  return 'database' in from ? from.database.query<R>(from.ctx, text, params) : from.query<R>(text, params);
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
