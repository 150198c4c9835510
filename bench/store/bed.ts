// A Postgres for one measurement: the embedded one, with fsync on, in a folder that is removed with it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { migrateStore, openDatabase, type Database } from '@fairlead/store';
import { startPostgres } from '@fairlead/store/embedded';

/** An empty database of a server that nobody else uses. */
export interface Bed extends AsyncDisposable {
  /** Of a superuser, for whoever connects by itself. */
  readonly url: string;
  readonly context: Context;
  /** Opens a pool on the database, in which the store's tables are; closed with the bed. */
  open(maxConnections: number): Promise<Database>;
  /** Has statistics made of all tables, as the server does by itself within its naptime: what is measured before has plans of nothing. */
  analyze(): Promise<void>;
}

/** Starts one. */
export async function storeBed(): Promise<Bed> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const clock = realClock();
  const context = createContext({ clock, random: realRandom() });
  const opened: Database[] = [];
  const server = await startPostgres({ dataDir: join(directory, 'data'), socketDir: directory });
  return {
    url: server.adminUrl,
    context,
    async open(maxConnections) {
      const database = openDatabase({ url: server.adminUrl, name: 'bench', clock, maxConnections });
      if (opened.push(database) === 1) await migrateStore(context, database);
      return database;
    },
    async analyze() {
      await using database = openDatabase({ url: server.adminUrl, name: 'analyze', clock, maxConnections: 1 });
      await database.query(context, 'analyze');
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((database) => database.close()));
      context[Symbol.dispose]();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
