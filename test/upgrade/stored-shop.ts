import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPlatformDatabases, startSingle, type PlatformDatabases } from '@fairlead/control';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { loadPlatform, type PlatformModel } from '@fairlead/platform';
import { openDatabase, type Tx } from '@fairlead/store';
import { startPostgres } from '@fairlead/store/embedded';
import type { Shop } from '../shop/customer.ts';

const blueprint = fileURLToPath(new URL('../../examples/shop/platform.ts', import.meta.url));

/** What a release left: backups of the shop's databases, and which orders were how far. */
export const storedRelease = (version: string): string => fileURLToPath(new URL(`./${version}/`, import.meta.url));

/** The orders of a stored release. */
export interface StoredOrders {
  /** Ended before the backup. */
  readonly confirmed: string;
  readonly cancelled: string;
  /** Reserved, their payment still due: the event is parked at payments, after an attempt that failed. */
  readonly waiting: string;
  /** Placed; nobody but orders knows of it, its event lies in the log only. */
  readonly fresh: string;
}

/** A shop in a folder of its own, started and stopped as often as needed; its databases between runs. */
export class StoredShop implements AsyncDisposable {
  readonly dataDir: string;
  readonly model: PlatformModel;

  private constructor(dataDir: string, model: PlatformModel) {
    this.dataDir = dataDir;
    this.model = model;
  }

  static async make(): Promise<StoredShop> {
    return new StoredShop(await mkdtemp(join(tmpdir(), 'fairlead-stored-')), await loadPlatform(blueprint));
  }

  /** Runs `work` while the shop runs; everything has ended when this resolves. */
  async run<T>(work: (shop: Shop) => Promise<T>): Promise<T> {
    await using platform = await startSingle(this.model, { dataDir: this.dataDir, gatewayPort: 0, adminPort: 0 });
    return await work({
      gatewayUrl: platform.gatewayUrl,
      adminUrl: platform.adminUrl,
      billingUrl: platform.endpoints['billing'] ?? '',
      dataDir: this.dataDir,
    });
  }

  async databases<T>(work: (databases: PlatformDatabases) => Promise<T>): Promise<T> {
    await using databases = await openPlatformDatabases(this.model, { dataDir: this.dataDir });
    return await work(databases);
  }

  /** Restores every database of a stored release, as if it had been stored just now: some of what it holds is kept for a day. */
  async restore(folder: string): Promise<void> {
    let takenAt = '';
    await this.databases(async (databases) => {
      for (const name of databases.names) {
        const { header } = await databases.restore(name, join(folder, `${name}.backup`));
        if (header.takenAt > takenAt) takenAt = header.takenAt;
      }
    });
    await this.#moveTimes(takenAt);
  }

  /** Moves all times in all databases on by what has passed since a moment. */
  async #moveTimes(since: string): Promise<void> {
    using ctx = createContext({ clock: realClock(), random: realRandom() });
    const socketDir = await mkdtemp(join(tmpdir(), 'fairlead-stored-'));
    await using postgres = await startPostgres({ dataDir: join(this.dataDir, 'postgres'), socketDir });
    await using server = openDatabase({ url: postgres.adminUrl, name: 'postgres', clock: ctx.clock });
    const { rows } = await server.query<{ name: string }>(
      ctx,
      'select datname as name from pg_database where not datistemplate and datallowconn',
    );
    for (const { name } of rows) {
      const url = new URL(postgres.adminUrl);
      url.pathname = `/${name}`;
      await using database = openDatabase({ url: url.href, name, clock: ctx.clock });
      await database.tx(ctx, (tx) => moveTimes(tx, since));
    }
    await rm(socketDir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Without the triggers of the tables, which know nothing of a time that is moved. */
async function moveTimes(tx: Tx, since: string): Promise<void> {
  await tx.query('set local session_replication_role = replica');
  const { rows } = await tx.query<{ column: string; table: string }>(
    `select quote_ident(a.attname) as column, a.attrelid::regclass::text as table
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where a.atttypid = 'timestamptz'::regtype and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        and c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
  );
  for (const { column, table } of rows) {
    await tx.query(`update ${table} set ${column} = ${column} + (now() - $1::timestamptz)`, [since]);
  }
}
