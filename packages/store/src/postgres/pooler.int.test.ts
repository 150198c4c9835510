import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { docs } from '../doc/docs.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { startPostgres, type EmbeddedPostgres } from '../embedded/start-postgres.ts';
import { enqueueMany } from '../job/enqueue.ts';
import { handle, queue } from '../job/queue.ts';
import { worker } from '../job/worker.ts';
import { leases } from '../lease/leases.ts';
import { logReader } from '../log/log-reader.ts';
import { append } from '../log/log.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { subscribe } from '../subscription/subscribe.ts';
import { installTenancy } from '../tenancy/install-tenancy.ts';
import { parseDatabaseUrl, rewriteDatabaseUrl } from './database-url.ts';
import { openDatabase } from './postgres-database.ts';
import { PGBOUNCER, startPooler, type Pooler } from './testing/pooler.fixture.ts';

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });
const SESSIONS = 2;

describe.skipIf(PGBOUNCER === undefined)('behind a pooler that gives each transaction another session', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let pooler: Pooler;
  let direct: string;
  let database: Database;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flpool-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 's'), { mode: 0o755 });
    const dataDir = join(folder, 'data');
    server = await startPostgres({ dataDir, socketDir: join(folder, 's'), settings: { fsync: 'off' } });
    chmodSync(dataDir, 0o755);
    await using admin = await connectAdmin(server.adminUrl);
    await admin.run(`create role app login password 'pooled'`);
    await admin.run('create database app owner app');
    direct = rewriteDatabaseUrl(server.adminUrl, { user: 'app', password: 'pooled', database: 'app' });
    pooler = await startPooler(
      PGBOUNCER ?? '',
      folder,
      parseDatabaseUrl(direct, 'app'),
      join(dataDir, 'postgres'),
      SESSIONS,
    );
    database = openDatabase({ url: pooler.url, listenUrl: direct, name: 'app', clock, maxConnections: 12 });
    await migrateStore(ctx, database);
    await database.query(ctx, 'create table thing (id integer primary key)');
  });
  afterAll(async () => {
    await database.close();
    await pooler[Symbol.asyncDispose]();
    await server.close({ graceMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  });

  /** What sessions of the server are left with: asked of as many at once as there are. */
  async function leftBehind(): Promise<unknown[]> {
    const ask = async (): Promise<Record<string, unknown> | undefined> => {
      await using raw = await connectAdmin(pooler.url);
      const [left] = await raw.run(
        `select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle,
           current_setting('transaction_timeout') as longest, (select count(*)::int from pg_prepared_statements) as prepared,
           pg_sleep(0.05)::text as slept`,
      );
      return left;
    };
    return Promise.all(Array.from({ length: SESSIONS }, ask));
  }
  const NOTHING = { statement: '0', idle: '0', longest: '0', prepared: 0, slept: '' };

  test('each statement and transaction has its own limits, and no session keeps any', async () => {
    const settings = `select current_setting('statement_timeout') as statement, $1::int as n`;
    const ask = async (index: number): Promise<void> => {
      const timeoutMs = 10_000 * (1 + (index % 3));
      using scope = createContext({ clock, random, timeoutMs });
      const limit = async (answer: Promise<{ rows: readonly Record<string, unknown>[] }>): Promise<number> => {
        const text = String((await answer).rows[0]?.['statement']);
        return Number.parseInt(text, 10) * (text.endsWith('ms') ? 1 : text.endsWith('min') ? 60_000 : 1_000);
      };
      for (const ms of [
        await limit(database.query(scope, settings, [index])),
        await limit(database.tx(scope, (tx) => tx.query(settings, [index]))),
      ]) {
        expect(ms).toBeGreaterThan(timeoutMs - 10_000);
        expect(ms).toBeLessThanOrEqual(timeoutMs + 100);
      }
      expect(await limit(database.query(ctx, settings, [index]))).toBe(0);
    };
    await Promise.all(Array.from({ length: 60 }, (_, index) => ask(index)));
    expect(await leftBehind()).toEqual([NOTHING, NOTHING]);
  });

  test('the log, leases and their guards work, many writers on few sessions', async () => {
    const write = (index: number): Promise<unknown> =>
      database.tx(ctx, (tx) => append(tx, `s-${index % 7}`, 'any', [{ type: 'a.b', key: 'k', data: { index } }]));
    await Promise.all(Array.from({ length: 200 }, (_, index) => write(index)));
    const events = await logReader(database).read(ctx, { after: 0n, limit: 1_000 });
    expect(new Set(events.map(({ data }) => (data as { index: number }).index)).size).toBe(200);

    await using held = leases({ database, holder: 'one', clock, random });
    const result = await held.acquire(ctx, 'pooled');
    if (result.kind !== 'held') throw new Error('free, yet not given');
    await database.tx(ctx, async (tx) => {
      await result.lease.guard(tx);
      await tx.query('insert into thing values (1)');
    });
    expect((await database.query(ctx, 'select * from thing')).rowCount).toBe(1);
    expect(await leftBehind()).toEqual([NOTHING, NOTHING]);
  });

  test('documents, jobs and subscriptions work, each effect once, and a worker hears of jobs by the server itself', async () => {
    await database.query(ctx, 'create table effect (what text, n integer)');
    const mark = 'insert into effect values ($1, $2)';
    const counter = docs('counter');
    const numbers = queue<{ n: number }>('numbers');
    const count = 60;
    await using held = leases({ database, holder: 'one', clock, random });
    const queues = [
      handle(numbers, async (jobCtx, job) => {
        await database.tx(jobCtx, async (tx) => {
          await job.complete(tx);
          const before = await counter.get(tx, 'jobs', { lock: 'update' });
          await counter.put(tx, 'jobs', ((before?.body ?? 0) as number) + 1);
          await tx.query(mark, ['job', job.payload.n]);
        });
      }),
    ];
    // It looks so seldom that it has to be told.
    await using working = worker({ database, leases: held, queues, clock, random, pollMs: 600_000 });
    await using following = subscribe({
      database,
      name: 'effects',
      clock,
      random,
      filter: { types: ['n.told'] },
      shards: 2,
      leases: held,
      pollMs: 20,
      handler: async (tx, events) => {
        for (const { data } of events) await tx.query(mark, ['event', (data as { n: number }).n]);
      },
    });
    await database.tx(ctx, (tx) => counter.put(tx, 'jobs', 0));
    const all = Array.from({ length: count }, (_, n) => n);
    await Promise.all(
      all.map((n) =>
        database.tx(ctx, async (tx) => {
          await append(tx, `n-${n % 5}`, 'any', [{ type: 'n.told', key: `k${n % 5}`, data: { n } }]);
          await enqueueMany(tx, numbers, [{ payload: { n }, ...(n % 2 === 0 ? { key: 'even' } : {}) }]);
        }),
      ),
    );
    const effects = async (what: string): Promise<unknown[]> =>
      (await database.query(ctx, 'select n from effect where what = $1 order by n', [what])).rows.map(({ n }) => n);
    await expect.poll(() => effects('job'), { timeout: 20_000 }).toEqual(all);
    await expect.poll(() => effects('event'), { timeout: 20_000 }).toEqual(all);
    expect(await counter.get({ ctx, database }, 'jobs')).toMatchObject({ body: count });
    await working.close();
    await following.close();
    expect(await leftBehind()).toEqual([NOTHING, NOTHING]);
  });

  test('a cancel ends its own statement and no other that the same session serves', async () => {
    const bystander = async (): Promise<void> => {
      for (let round = 0; round < 60; round += 1) await database.query(ctx, 'select pg_sleep($1)', [0.002]);
    };
    const given = async (): Promise<void> => {
      for (let round = 0; round < 40; round += 1) {
        using scope = createContext({ clock, random });
        const work = database.query(scope, 'select pg_sleep($1)', [round % 2 === 0 ? 30 : 0.002]);
        const ended = work.then(
          () => 'answered',
          (error: { code: string }) => error.code,
        );
        await clock.sleep(random.next() * 6, ctx.signal);
        scope.cancel();
        expect(['answered', 'CANCELLED']).toContain(await ended);
      }
    };
    await Promise.all([bystander(), bystander(), given(), given()]);
  });

  test('tenants are kept apart, and claims are made for the session that a transaction has', async () => {
    await using owner = openDatabase({ url: direct, name: 'owner', clock });
    const make = `create table visit (tenant text, id integer); select fairlead.isolate('visit')`;
    await owner.query(ctx, make);
    await installTenancy(ctx, owner, { url: direct });
    await using tenants = openDatabase({ url: pooler.url, name: 'tenants', clock, maxConnections: 8, tenancy: 'rows' });
    const seen = await Promise.all(
      Array.from({ length: 200 }, async (_, id) => {
        const tenant = `t${id % 7}`;
        const as = ctx.derive({ tenant });
        const insert = 'insert into visit (id) values ($1) returning tenant';
        const { rows } = await (id % 2 === 0
          ? tenants.query(as, insert, [id])
          : tenants.tx(as, (tx) => tx.query(insert, [id])));
        const all = await tenants.query(as, 'select distinct tenant from visit');
        return [rows, all.rows].every((found) => found.length === 1 && found[0]?.['tenant'] === tenant);
      }),
    );
    expect(seen.every(Boolean)).toBe(true);
    await expect(tenants.query(ctx, 'select 1 from visit where id = $1', [1])).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    });
  });

  test('what listens goes to the server itself, and says so when it can not', async () => {
    const heard: string[] = [];
    const both = Promise.withResolvers<void>();
    await using listening = await database.listen('news', (payload) => {
      heard.push(payload);
      if (heard.length === 2) both.resolve();
    });
    await database.query(ctx, 'select pg_notify($1, $2)', ['news', 'one']);
    await both.promise;
    expect(heard).toEqual(['', 'one']);
    await listening.close();

    const warnings: string[] = [];
    const telemetry = {
      tracer: {
        span: <T>(c: typeof ctx, _o: object, work: (c: typeof ctx, s: { set(): void }) => Promise<T>) =>
          work(c, { set: () => {} }),
      },
      log: { warn: (_c: unknown, message: string) => void warnings.push(message) },
    };
    await using deaf = openDatabase({ url: pooler.url, name: 'deaf', clock, telemetry });
    await using _ = await deaf.listen('news', () => {});
    expect(warnings).toEqual([expect.stringMatching(/^deaf: a pooler is between .*listenUrl/)]);
  });
});
