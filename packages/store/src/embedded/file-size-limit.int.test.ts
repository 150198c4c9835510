import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { openDatabase } from '../postgres/postgres-database.ts';
import { startPostgres, type EmbeddedPostgres } from './start-postgres.ts';
import { directory, options } from './testing/elsewhere.fixture.ts';

/** Sets how large the files of this process, and of what it starts from now on, may become. */
const limit = (bytes: number | 'unlimited'): boolean =>
  spawnSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`]).status === 0;
const clock = realClock();
const fill = `insert into thing select repeat(md5(n::text), 60) from generate_series(1, 20000) n`;
/** As large as a file of the write-ahead log. */
const WAL_BYTES = 16 * 1024 * 1024;

/** A server that runs under a limit, though this process does not. */
async function startLimited(bytes: number): Promise<EmbeddedPostgres> {
  expect(limit(bytes)).toBe(true);
  try {
    return await startPostgres(options());
  } finally {
    limit('unlimited');
  }
}

test.skipIf(!limit('unlimited'))(
  'a table that may not grow further is DATABASE_FULL; nothing of it stays, and it goes on once it may',
  async () => {
    // The binaries are larger than the limit, and may not be in the cache yet.
    await (await startPostgres(options())).close();
    using ctx = createContext({ clock, random: realRandom() });
    {
      await using server = await startLimited(WAL_BYTES);
      await using database = openDatabase({ url: server.adminUrl, name: 'things', clock });
      await database.query(ctx, 'create table thing (text text)');
      await database.query(ctx, 'alter table thing alter text set storage external');
      await expect(database.query(ctx, fill)).rejects.toMatchObject({
        code: 'DATABASE_FULL',
        message: expect.stringMatching(/^things: .*(ulimit -f|disk is full)/),
      });
      await expect(database.query(ctx, 'select 1 from thing')).resolves.toMatchObject({ rowCount: 0 });
    }
    await using server = await startPostgres(options());
    await using database = openDatabase({ url: server.adminUrl, name: 'things', clock });
    await expect(database.query(ctx, fill)).resolves.toMatchObject({ rowCount: 20_000 });
  },
);

test.skipIf(!limit('unlimited'))(
  'a database that may not be made as large as it must be says which limit',
  async () => {
    await (await startPostgres(options())).close();
    const fresh = { ...options(), dataDir: join(directory, 'fresh') };
    expect(limit(WAL_BYTES / 2)).toBe(true);
    try {
      await expect(startPostgres(fresh)).rejects.toMatchObject({
        code: 'POSTGRES_START_FAILED',
        message: expect.stringMatching(/SIGXFSZ.*ulimit -f/),
      });
      // Whom it runs as, where we are root, has to get there.
      chmodSync(directory, 0o711);
      await expect(startPostgres({ ...fresh, cacheDir: join(directory, 'cache') })).rejects.toMatchObject({
        code: 'POSTGRES_BINARIES',
        message: expect.stringMatching(/ulimit -f/),
      });
    } finally {
      limit('unlimited');
    }
  },
);
