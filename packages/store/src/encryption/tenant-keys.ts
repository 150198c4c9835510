/*
 * Envelope encryption: data keys a tenant, wrapped by a key-encryption key that the database never sees. Around this file:
 *   payload-seal.ts   what log, documents and jobs use       key-provider.ts   the port to who holds the wrapping keys
 *   key-ring.ts       such a holder, in this process         key-cache.ts      data keys at hand: so many, for so long
 *   xaes.ts           AES-256-GCM with nonces that may be random
 */
import { createSecretKey } from 'node:crypto';
import { FairleadError, type Context } from '@fairlead/core';
import type { Database, Sql, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { KeyCache, type KnownKey } from './key-cache.ts';
import type { KeyProvider } from './key-provider.ts';
import { KEY_BYTES } from './key-ring.ts';
import type { Opened, PayloadSeal, Sealed, SealedPlace } from './payload-seal.ts';
import { decrypt, encrypt, NONCE_BYTES } from './xaes.ts';

/** How `tenantKeys` works. */
export interface TenantKeysOptions {
  /** Where wrapped keys are (`fairlead_tenant_key`): the database of what they seal. */
  readonly database: Database;
  /** Who wraps them. */
  readonly provider: KeyProvider;
  /** Data keys held in memory at most. Default 1 000; at least 1. */
  readonly cacheKeys?: number;
  /**
   * How long a data key is held in memory, in milliseconds: as long may other processes still read what was shredded.
   * Default 60 000; 0 asks the provider for every payload.
   */
  readonly cacheForMs?: number;
}

/** Data keys of tenants: what seals and opens, and their life. */
export interface TenantKeys extends PayloadSeal {
  /**
   * Makes a new data key; what is sealed from now on uses it (elsewhere after `cacheForMs`), older payloads stay readable.
   * Answers with its version.
   * @throws TENANT_SHREDDED, KEY_UNAVAILABLE
   */
  rotate(ctx: Context, tenant: string): Promise<number>;
  /**
   * Wraps every data key anew that is not under the provider's current key-encryption key; payloads are not touched.
   * Answers with how many. Afterwards the old key-encryption key may be destroyed. Under `tenancy: 'rows'` the
   * database has to be the one across tenants.
   * @throws KEY_UNAVAILABLE, SEAL_BROKEN at the first key that does not unwrap; repeat it when that is mended
   */
  rewrap(ctx: Context): Promise<number>;
  /**
   * Destroys all of a tenant's data keys: what they sealed is gone for good, once `cacheForMs` has passed everywhere. The
   * tenant gets no new ones. Answers with how many were destroyed. Idempotent.
   */
  shred(ctx: Context, tenant: string): Promise<number>;
}

const DEFAULTS = { cacheKeys: 1_000, cacheForMs: 60_000 } as const;
/** Format of a payload: this byte, the nonce, ciphertext and tag. */
const FORMAT = 1;
/** Keys wrapped anew in one transaction. */
const REWRAP_BATCH = 50;

interface KeyRow {
  readonly [column: string]: unknown;
  readonly tenant: string;
  readonly version: number;
  readonly kek: string | null;
  readonly wrapped: Buffer | null;
}

/**
 * Keeps data keys of tenants and seals payloads with them.
 * @throws MISCONFIGURED for a value out of range
 */
export function tenantKeys(options: TenantKeysOptions): TenantKeys {
  const { database, provider, cacheKeys = DEFAULTS.cacheKeys, cacheForMs = DEFAULTS.cacheForMs } = options;
  checkRange('cacheKeys', cacheKeys, 1);
  checkRange('cacheForMs', cacheForMs, 0);
  const cache = new KeyCache(cacheKeys, cacheForMs);

  /** The key that seals now, under the name of its tenant alone. */
  async function current(tx: Tx, tenant: string): Promise<KnownKey & { readonly kind: 'usable' }> {
    const { ctx } = tx;
    let known = cache.get(currentName(tenant), ctx.clock.monotonic());
    if (known === undefined) {
      const row = (await newest(tx, tenant)) ?? (await create(tx, tenant, 1)) ?? (await newest(tx, tenant));
      if (row === undefined) {
        throw fail(
          'KEY_UNAVAILABLE',
          `The first key of a tenant was just made by another transaction. Repeat this one.`,
        );
      }
      known = await unwrap(ctx, row);
      const learned = known;
      // A key that was made here is there for others, and for a later transaction, only when this one commits.
      tx.afterCommit(() => remember(ctx, currentName(tenant), learned));
    }
    if (known.kind === 'destroyed') throw shredded();
    return known;
  }

  async function create(tx: Tx, tenant: string, version: number): Promise<KeyRow | undefined> {
    const { kek, wrapped } = await provider.wrap(tx.ctx, tx.ctx.random.bytes(KEY_BYTES), binding(tenant, version));
    const { rows } = await tx.query<KeyRow>(
      `insert into fairlead_tenant_key (tenant, version, kek, wrapped, created_at) values ($1, $2, $3, $4, fairlead.now())
       on conflict (tenant, version) do nothing returning tenant, version, kek, wrapped`,
      [tenant, version, kek, Buffer.from(wrapped)],
    );
    return rows[0];
  }

  async function unwrap(ctx: Context, row: KeyRow): Promise<KnownKey> {
    const { tenant, version, kek, wrapped } = row;
    if (kek === null || wrapped === null) return { kind: 'destroyed', tenant, version };
    const bytes = await provider.unwrap(ctx, { kek, wrapped }, binding(tenant, version));
    return { kind: 'usable', tenant, version, key: createSecretKey(bytes) };
  }

  /** Keys by `keyName`, of the cache or of one statement. */
  async function keysOf(ctx: Context, sql: Sql, sealed: readonly Sealed[]): Promise<ReadonlyMap<string, KnownKey>> {
    const keys = new Map<string, KnownKey>();
    const missing = new Map<string, { readonly tenant: string; readonly version: number }>();
    for (const { tenant, key } of sealed) {
      const name = keyName(tenant, key);
      if (keys.has(name) || missing.has(name)) continue;
      const known = cache.get(name, ctx.clock.monotonic());
      if (known === undefined) missing.set(name, { tenant, version: versionOf(key) });
      else keys.set(name, known);
    }
    if (missing.size === 0) return keys;
    const wanted = [...missing.values()];
    const { rows } = await sql.query<KeyRow>(
      `select k.tenant, k.version, k.kek, k.wrapped from fairlead_tenant_key k
         join unnest($1::text[], $2::integer[]) w (tenant, version) on w.tenant = k.tenant and w.version = k.version`,
      [wanted.map(({ tenant }) => tenant), wanted.map(({ version }) => version)],
    );
    for (const row of rows) {
      const known = await unwrap(ctx, row);
      keys.set(keyName(row.tenant, idOf(row.version)), known);
      remember(ctx, keyName(row.tenant, idOf(row.version)), known);
    }
    return keys;
  }

  function remember(ctx: Context, name: string, known: KnownKey): void {
    if (cacheForMs > 0) cache.set(name, known, ctx.clock.monotonic());
  }

  return {
    async seal(tx, payloads) {
      const { tenant } = tx.ctx;
      if (tenant === undefined) {
        throw fail(
          'TENANT_REQUIRED',
          'What is sealed belongs to a tenant, and this Context names none. Derive one with a tenant, or store it in the clear.',
        );
      }
      const { key, version } = await current(tx, tenant);
      const id = idOf(version);
      return {
        key: id,
        payloads: payloads.map((place) => {
          const nonce = tx.ctx.random.bytes(NONCE_BYTES);
          const ciphertext = encrypt(key, nonce, additional(tenant, id, place), Buffer.from(place.json));
          return Buffer.concat([Buffer.of(FORMAT), nonce, ciphertext]).toString('base64');
        }),
      };
    },

    async open(ctx, sql, sealed) {
      const keys = await keysOf(ctx, sql, sealed);
      return sealed.map((item): Opened => {
        const known = keys.get(keyName(item.tenant, item.key));
        if (known === undefined) throw broken(item, 'names a key that never was');
        if (known.kind === 'destroyed') return { kind: 'shredded' };
        const bytes = Buffer.from(item.payload, 'base64');
        const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
        const plain =
          bytes[0] === FORMAT
            ? decrypt(known.key, nonce, additional(item.tenant, item.key, item), bytes.subarray(1 + NONCE_BYTES))
            : undefined;
        if (plain === undefined) throw broken(item, 'was changed, or belongs to another row or tenant');
        return { kind: 'opened', json: plain.toString() };
      });
    },

    async rotate(ctx, tenant) {
      const version = await database.tx(ctx.derive({ tenant }), async (tx) => {
        // Two at once would draw the same version; the later one waits and goes on above.
        await tx.query('select 1 from fairlead_tenant_key where tenant = $1 order by version for update', [tenant]);
        const row = await newest(tx, tenant);
        if (row !== undefined && row.wrapped === null) throw shredded();
        const next = (row?.version ?? 0) + 1;
        if ((await create(tx, tenant, next)) !== undefined) return next;
        throw fail('KEY_UNAVAILABLE', 'Another key of this tenant was made at the same time. Repeat the rotation.');
      });
      cache.forget(tenant);
      return version;
    },

    async rewrap(ctx) {
      const kek = await provider.currentKek(ctx);
      for (let total = 0; ;) {
        const count = await database.tx(ctx, async (tx) => {
          const { rows } = await tx.query<KeyRow>(
            `select tenant, version, kek, wrapped from fairlead_tenant_key
              where wrapped is not null and kek <> $1 order by tenant, version limit ${REWRAP_BATCH} for update`,
            [kek],
          );
          for (const { tenant, version, kek: old, wrapped } of rows) {
            // Both are there: the statement asks for rows that have them.
            const key = { kek: old ?? '', wrapped: wrapped ?? Buffer.alloc(0) };
            const bytes = await provider.unwrap(ctx, key, binding(tenant, version));
            const next = await provider.wrap(ctx, bytes, binding(tenant, version));
            await tx.query('update fairlead_tenant_key set kek = $3, wrapped = $4 where tenant = $1 and version = $2', [
              tenant,
              version,
              next.kek,
              Buffer.from(next.wrapped),
            ]);
          }
          return rows.length;
        });
        total += count;
        if (count < REWRAP_BATCH) return total;
      }
    },

    async shred(ctx, tenant) {
      const destroyed = await database.tx(ctx.derive({ tenant }), async (tx) => {
        const { rowCount } = await tx.query(
          `update fairlead_tenant_key set kek = null, wrapped = null, destroyed_at = fairlead.now()
            where tenant = $1 and wrapped is not null`,
          [tenant],
        );
        // The mark of a tenant that never had a key: it gets none.
        await tx.query(
          `insert into fairlead_tenant_key (tenant, version, created_at, destroyed_at)
             values ($1, 1, fairlead.now(), fairlead.now()) on conflict (tenant, version) do nothing`,
          [tenant],
        );
        return rowCount;
      });
      cache.forget(tenant);
      return destroyed;
    },
  };
}

async function newest(sql: Sql, tenant: string): Promise<KeyRow | undefined> {
  const { rows } = await sql.query<KeyRow>(
    'select tenant, version, kek, wrapped from fairlead_tenant_key where tenant = $1 order by version desc limit 1',
    [tenant],
  );
  return rows[0];
}

/** What a data key is wrapped for: in another tenant's row, or as another version, it does not unwrap. */
const binding = (tenant: string, version: number): string => JSON.stringify([tenant, version]);
const idOf = (version: number): string => `k${version}`;
const versionOf = (key: string): number => (/^k\d{1,9}$/.test(key) ? Number(key.slice(1)) : 0);
const keyName = (tenant: string, key: string): string => `${key} ${tenant}`;
const currentName = (tenant: string): string => ` ${tenant}`;

function additional(tenant: string, key: string, { table, row }: SealedPlace): Buffer {
  return Buffer.from(JSON.stringify(['fairlead payload', tenant, key, table, row]));
}

function broken({ table, row }: SealedPlace, what: string): Error {
  return fail(
    'SEAL_BROKEN',
    `A sealed payload of ${table} ${what}. Nothing of it is given out; compare the row with a backup.`,
    { details: { table, row } },
  );
}

function shredded(): Error {
  return fail('TENANT_SHREDDED', "The tenant's keys were destroyed, so nothing more is sealed for it.");
}

function checkRange(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new FairleadError(
    'internal',
    'MISCONFIGURED',
    `tenantKeys: ${option} is ${value}; give a whole number from ${least}.`,
  );
}
