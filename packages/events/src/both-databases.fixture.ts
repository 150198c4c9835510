import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, type Clock } from '@fairlead/core';
import { migrateStore, type Database } from '@fairlead/store';
import { pgliteDatabase } from '@fairlead/store/pglite';
import { testDatabase } from '@fairlead/store/testing';

/** A database with the store's tables and nothing in them, and how it ends. */
export interface HeldDatabase {
  readonly database: Database;
  readonly end: () => Promise<void>;
}

/** What everything of this package has to run on, for `describe.each`: the name of each, and how to have one. */
export function bothDatabases(clock: Clock): readonly (readonly [name: string, create: () => Promise<HeldDatabase>])[] {
  return [
    [
      'Postgres',
      async () => {
        const held = await testDatabase();
        return { database: held.database, end: async () => held[Symbol.asyncDispose]() };
      },
    ],
    [
      'PGlite',
      async () => {
        const pglite = await PGlite.create();
        const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock });
        using ctx = createContext({ clock, random: realRandom() });
        await migrateStore(ctx, database);
        return { database, end: () => pglite.close() };
      },
    ],
  ];
}
