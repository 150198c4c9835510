import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, isError, realClock, realRandom, type Closeable, type Context } from '@fairlead/core';
import { BROKER_MIGRATIONS, seenPositions } from '@fairlead/messaging';
import type { PlatformModel } from '@fairlead/platform';
import { serviceMigrations } from '@fairlead/service';
import type { Database, MigrateOptions } from '@fairlead/store';
import {
  backupDatabase,
  inspectBackup,
  raiseLog,
  replacedName,
  replaceDatabase,
  restoreDatabase,
  type BackupHeader,
} from '@fairlead/store/backup';
import { startPostgres, superuserUrl, type EmbeddedPostgres, type Provisioned } from '@fairlead/store/embedded';
import { migratePlatform, provisionPlatform, withOwner, type MigratedDatabase } from './database-setup.ts';
import { fail } from './errors.ts';
import { lockDataDir, type DataDirLock } from './supervisor/data-dir-lock.ts';
import { makeDataDir, type DataDir } from './supervisor/data-dir.ts';
import { endLeftovers } from './supervisor/leftovers.ts';
import { makeSocketDir, type SocketDir } from './supervisor/socket-dir.ts';
import { readState } from './supervisor/state-file.ts';

/** Which databases. */
export interface PlatformDatabasesOptions {
  /** The platform's data directory. Made when missing. */
  readonly dataDir: string;
  /** A superuser's URL of a server that runs already. Default: the embedded Postgres below `dataDir`. */
  readonly postgresUrl?: string | undefined;
  /** Ends what is under way when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** What `restore` did. */
export interface RestoredDatabase {
  readonly header: BackupHeader;
  readonly rows: number;
  /** Under which name the database that was there is kept. */
  readonly kept: string;
  /** Positions of its log that others have seen and the restored database does not know; 0 as a rule. */
  readonly forgotten: bigint;
}

/** The databases of a platform, whether it runs or not. */
export interface PlatformDatabases extends Closeable {
  /** Whether a platform runs on the data directory. */
  readonly running: boolean;
  /** Databases that the blueprint means: of services that have one, and `broker`. */
  readonly names: readonly string[];
  /**
   * Makes databases and roles that are missing and puts rights right: of the whole platform, since services read each other's events.
   * With `resetPasswords`, roles that are there get new passwords although the old ones are not known: whoever uses them is cut off.
   * @throws ROLES_TAKEN without `resetPasswords`, on a server that was given
   */
  create(options?: { readonly resetPasswords?: boolean }): Promise<void>;
  /** `create`, then applies the migrations that are missing: everywhere, or in the one that is named. */
  migrate(name?: string): Promise<readonly MigratedDatabase[]>;
  /** Writes a database to a file, also while the platform runs. @throws UNKNOWN_DATABASE; as `backupDatabase` does */
  backup(name: string, file: string): Promise<{ readonly header: BackupHeader; readonly rows: number }>;
  /**
   * Puts a backup in the place of a database. Every log goes on above what anybody has seen of it, before the restored
   * database takes its name, so that no event is passed over afterwards.
   * @throws UNKNOWN_DATABASE; PLATFORM_RUNS while a platform runs here; as `restoreDatabase` and `replaceDatabase` do
   */
  restore(name: string, file: string): Promise<RestoredDatabase>;
}

/**
 * Finds the databases of a platform. When one runs on the data directory its server is used; otherwise the directory is
 * locked and the embedded Postgres is started until `close`.
 * @throws DATA_DIR_LOCKED when another command works there, or a platform is starting
 */
export async function openPlatformDatabases(
  model: PlatformModel,
  options: PlatformDatabasesOptions,
): Promise<PlatformDatabases> {
  const server = await reachServer(await makeDataDir(options.dataDir), options.postgresUrl);
  const ctx = createContext({
    clock: realClock(),
    random: realRandom(),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return new OpenDatabases(model, server, ctx);
}

interface Server {
  readonly data: DataDir;
  readonly adminUrl: string;
  /** Whether it is not the embedded one. */
  readonly given: boolean;
  readonly running: boolean;
  close(): Promise<void>;
}

async function reachServer(data: DataDir, postgresUrl: string | undefined): Promise<Server> {
  const given = postgresUrl !== undefined;
  let lock: DataDirLock;
  try {
    lock = await lockDataDir(data.path);
  } catch (error) {
    const state = await readState(data.path);
    const ready = state?.instances.some(({ kind, state: is }) => kind === 'database' && is === 'ready') === true;
    if (!isError(error, 'DATA_DIR_LOCKED') || state === undefined || (postgresUrl === undefined && !ready)) throw error;
    const where = { dataDir: data.postgres, socketDir: join(state.socketDir, 'postgres') };
    return { data, adminUrl: postgresUrl ?? (await superuserUrl(where)), given, running: true, close: async () => {} };
  }
  let sockets: SocketDir | undefined;
  let postgres: EmbeddedPostgres | undefined;
  const close = async (): Promise<void> => {
    await postgres?.close();
    await sockets?.remove();
    await lock.release();
  };
  try {
    await endLeftovers(data.path, { clock: realClock() });
    if (postgresUrl !== undefined) return { data, adminUrl: postgresUrl, given, running: false, close };
    sockets = await makeSocketDir([join('postgres', '.s.PGSQL.5432')]);
    const socketDir = join(sockets.path, 'postgres');
    await mkdir(socketDir, { mode: 0o700 });
    postgres = await startPostgres({ dataDir: data.postgres, socketDir });
    return { data, adminUrl: postgres.adminUrl, given, running: false, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const BROKER = 'broker';

class OpenDatabases implements PlatformDatabases {
  readonly running: boolean;
  readonly names: readonly string[];
  readonly #model: PlatformModel;
  readonly #server: Server;
  readonly #ctx: ReturnType<typeof createContext>;
  #provisioned: Promise<Provisioned> | undefined;
  #closed: Promise<void> | undefined;

  constructor(model: PlatformModel, server: Server, ctx: ReturnType<typeof createContext>) {
    this.#model = model;
    this.#server = server;
    this.#ctx = ctx;
    this.running = server.running;
    this.names = [...model.services.filter(({ database }) => database).map(({ name }) => name), BROKER];
  }

  async create(options: { readonly resetPasswords?: boolean } = {}): Promise<void> {
    await this.#provision(options.resetPasswords === true);
  }

  async migrate(name?: string): Promise<readonly MigratedDatabase[]> {
    if (name !== undefined) this.#check(name);
    const only = name === undefined ? undefined : [name];
    return migratePlatform(this.#ctx, this.#model, await this.#provision(), { clock: this.#ctx.clock, only });
  }

  async backup(name: string, file: string) {
    this.#check(name);
    return this.#owned(name, (ctx, database) => backupDatabase(ctx, database, { service: name, file }));
  }

  async restore(name: string, file: string): Promise<RestoredDatabase> {
    this.#check(name);
    if (this.running) {
      throw fail(
        'PLATFORM_RUNS',
        `A platform runs on ${this.#server.data.path}. Stop it (fairlead down), then restore ${name}; nothing was changed.`,
      );
    }
    // A file that is no good is refused before anything is made.
    await inspectBackup(file);
    const provisioned = await this.#provision();
    const ctx = this.#ctx;
    const logFloor = await this.#seenOf(name);
    const options = {
      adminUrl: this.#server.adminUrl,
      ownerUrl: this.#ownerUrl(provisioned, name),
      name,
      runtimeRoles: name === BROKER ? [] : [name],
    };
    const restored = await replaceDatabase(ctx, options, (ownerUrl) =>
      withOwner(ownerUrl, name, ctx.clock, async (database) => {
        const sets = this.#setsOf(name);
        const summary = await restoreDatabase(ctx, database, { file, service: name, sets, logFloor });
        // Others may have been restored to a moment before this backup's: what it has seen is above their logs.
        for (const [source, position] of await seenPositions(ctx, database)) {
          if (source === name || !this.names.includes(source)) continue;
          await this.#owned(source, (inner, other) => other.tx(inner, (tx) => raiseLog(tx, position)));
        }
        return summary;
      }),
    );
    // Rights of the broker's tables are rows and grants that the blueprint means, not the backup.
    if (name === BROKER) await migratePlatform(ctx, this.#model, provisioned, { clock: ctx.clock, only: [BROKER] });
    return { ...restored, kept: replacedName(name) };
  }

  close(): Promise<void> {
    this.#closed ??= this.#server.close().finally(() => this.#ctx[Symbol.dispose]());
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #provision(resetPasswords = false): Promise<Provisioned> {
    const { given } = this.#server;
    this.#provisioned ??= provisionPlatform(this.#ctx, this.#model, {
      ...this.#server,
      given: given && !resetPasswords,
    });
    return this.#provisioned;
  }

  /** The highest position of a service's log that any other database has seen. */
  async #seenOf(source: string): Promise<bigint> {
    let highest = 0n;
    for (const name of this.names.filter((each) => each !== source)) {
      const seen = (await this.#owned(name, (ctx, database) => seenPositions(ctx, database))).get(source) ?? 0n;
      if (seen > highest) highest = seen;
    }
    return highest;
  }

  async #owned<T>(name: string, work: (ctx: Context, database: Database) => Promise<T>): Promise<T> {
    const url = this.#ownerUrl(await this.#provision(), name);
    return withOwner(url, name, this.#ctx.clock, (database) => work(this.#ctx, database));
  }

  #ownerUrl(provisioned: Provisioned, name: string): string {
    return name === BROKER ? provisioned.brokerOwnerUrl : (provisioned.services.get(name)?.ownerUrl ?? '');
  }

  #setsOf(name: string): readonly MigrateOptions[] {
    const service = this.#model.services.find((each) => each.name === name);
    return service === undefined ? [{ set: BROKER, from: BROKER_MIGRATIONS }] : serviceMigrations(service.definition);
  }

  #check(name: string): void {
    if (this.names.includes(name)) return;
    throw fail('UNKNOWN_DATABASE', `${this.#model.name} has no database "${name}". It has ${this.names.join(', ')}.`);
  }
}
