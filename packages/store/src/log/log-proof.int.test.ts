import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { startPostgres } from '../embedded/start-postgres.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { logReader, type LogReader } from './log-reader.ts';
import { append } from './log.ts';
import { fenceReader, naiveReader } from './testing/bad-readers.ts';
import { DeliveryRecord } from './testing/delivery-record.ts';
import { logChaos } from './testing/log-chaos.ts';
import { overtaken } from './testing/overtaken.ts';
import type { WriterReport } from './testing/writer-report.ts';

// The proof that the log's reader loses nothing: docs/explain/log.md explains it. FAIRLEAD_LOG_PROOF_EVENTS=1000000 for the
// long run; it prints what it found.

const EVENTS = Number(process.env['FAIRLEAD_LOG_PROOF_EVENTS'] ?? 30_000);
const PROCESSES = 4;
const WRITERS_EACH = 4;
const TIME_LIMIT_MS = 60_000 + EVENTS * 3;

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

/** A server of its own, since it is crashed. */
async function ownServer() {
  const directory = await mkdtemp(join(tmpdir(), 'log-proof-'));
  const server = await startPostgres({
    dataDir: join(directory, 'data'),
    socketDir: directory,
    settings: { max_prepared_transactions: '10', fsync: 'off', deadlock_timeout: '100ms', autovacuum: 'off' },
  });
  return {
    url: server.adminUrl,
    async [Symbol.asyncDispose]() {
      await server.close({ graceMs: 0 });
      await rm(directory, { recursive: true });
    },
  };
}

/** Processes of writers. */
class Writers implements AsyncDisposable {
  readonly #processes: readonly ChildProcess[];
  #stopping = false;
  /** Rejects when one ends before it was told to. */
  readonly failed: Promise<never>;

  constructor(url: string, onReport: (report: WriterReport) => void) {
    const worker = fileURLToPath(new URL('testing/log-writer.ts', import.meta.url));
    this.#processes = Array.from({ length: PROCESSES }, (_, index) => {
      const child = fork(worker, [url, `writer-${index}`, `${WRITERS_EACH}`], {
        execArgv: ['--conditions=@fairlead/source'],
      });
      // log-writer.ts sends nothing else.
      child.on('message', (message) => onReport(message as WriterReport));
      return child;
    });
    this.failed = new Promise((_, reject) => {
      for (const child of this.#processes) {
        child.once('exit', (code) => {
          if (!this.#stopping) reject(new Error(`a process of writers ended by itself (${code})`));
        });
      }
    });
    this.failed.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#processes.map(async (child) => {
        const exit = once(child, 'exit');
        child.send('stop');
        await exit;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

/** Follows the log until `ended` and until nothing more comes. */
async function follow(reader: LogReader, record: DeliveryRecord, ended: () => boolean): Promise<void> {
  for (let after = 0n, idle = 0; idle < 2;) {
    const last = ended();
    const events = await reader.read(ctx, { after, limit: 500 }).catch(() => undefined);
    if (events === undefined) {
      // The server is away: from the same cursor again.
      await clock.sleep(20);
      continue;
    }
    record.add(events, clock.now());
    after = events.at(-1)?.position ?? after;
    idle = events.length === 0 && last ? idle + 1 : 0;
    if (events.length === 0) await clock.sleep(2);
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

test(
  'sixteen writers that abort, dawdle, use savepoints, are killed, prepare and crash: nothing lost, doubled or out of order',
  async () => {
    await using server = await ownServer();
    await using database = openDatabase({ url: server.url, name: 'reader', clock });
    await migrateStore(ctx, database);
    await database.query(ctx, 'create table proof_state (id text primary key)');
    const sequence = await database.query(
      ctx,
      `select seqcache::int as cache, seqcycle as cycle from pg_sequence where seqrelid = 'fairlead_log_position'::regclass`,
    );
    expect(sequence.rows).toEqual([{ cache: 1, cycle: false }]);

    const acknowledged = new Map<string, { events: number; atMs: number }>();
    let written = 0;
    const startedAt = clock.monotonic();
    await using writers = new Writers(server.url, (report) => {
      for (const { transaction, events, atMs } of report) {
        acknowledged.set(transaction, { events, atMs });
        written += events;
      }
    });
    let ended = false;
    const ours = new DeliveryRecord();
    const control = new DeliveryRecord();
    const following = Promise.all([
      follow(logReader(database), ours, () => ended),
      follow(naiveReader(database), control, () => ended),
    ]);
    const calm = new AbortController();
    const chaos = logChaos({ adminUrl: server.url, clock, random: seededRandom('chaos'), signal: calm.signal });
    // Unrelated, and open all the time: nobody waits for it.
    await using bystander = await connectAdmin(server.url);
    await bystander.run(`begin; insert into proof_state values ('bystander')`);

    let crashes = 0;
    while (written < EVENTS && clock.monotonic() - startedAt < TIME_LIMIT_MS) {
      await Promise.race([clock.sleep(50), writers.failed]);
      if (crashes === 0 && written > EVENTS / 2) crashes += await crash(server.url);
    }
    calm.abort();
    await writers.stop();
    const counts = await chaos;
    ended = true;
    await following;
    const elapsedMs = clock.monotonic() - startedAt;

    const verdict = await ours.verdict(ctx, database);
    const missing = [...acknowledged].filter(
      ([transaction, { events }]) => events > 0 && ours.deliveredAt(transaction) === undefined,
    );
    const delays = [...acknowledged]
      .flatMap(([transaction, { atMs }]) => {
        const deliveredAt = ours.deliveredAt(transaction);
        return deliveredAt === undefined ? [] : [Math.max(0, deliveredAt - atMs)];
      })
      .toSorted((a, b) => a - b);
    const naive = await control.verdict(ctx, database);
    console.log(
      `log proof: ${ours.events} events of ${acknowledged.size} acknowledged transactions in ${Math.round(elapsedMs / 1000)} s, ` +
        `${counts.terminated} backends ended, ${counts.prepared} prepared, ${counts.idled} idle, ${crashes} crash; ` +
        `delay p50 ${at(delays, 0.5)} ms, p99 ${at(delays, 0.99)} ms, max ${at(delays, 1)} ms; ` +
        `ours ${JSON.stringify(verdict)}; naive lost ${naive.lost}`,
    );
    expect(verdict).toEqual({ lost: 0, doubled: 0, invented: 0, disordered: 0 });
    expect(missing).toEqual([]);
    expect(crashes).toBe(1);
    expect(ours.events).toBeGreaterThanOrEqual(EVENTS);
    expect(naive.lost).toBeGreaterThan(0);
  },
  TIME_LIMIT_MS + 60_000,
);

/** SIGKILL for one backend: the server ends all of them and recovers. */
async function crash(url: string): Promise<number> {
  await using admin = await connectAdmin(url);
  const rows = await admin.run(`select pid from pg_stat_activity where application_name like 'writer-%' limit 1`);
  const pid = rows[0]?.['pid'];
  if (typeof pid !== 'number') return 0;
  process.kill(pid, 'SIGKILL');
  return 1;
}

test('a reader that trusts snapshots passes a gap that is filled later, and ours does not', async () => {
  // Alone on its server: whoever else takes a transaction id at the wrong moment makes the mistake harmless.
  await using server = await ownServer();
  await using database = openDatabase({ url: server.url, name: 'reader', clock });
  await migrateStore(ctx, database);
  await database.query(ctx, 'create table state (id integer primary key)');
  expect(await overtaken(ctx, database, fenceReader(database))).toEqual(['B']);
  await database.query(ctx, 'truncate state, fairlead_log restart identity');
  expect(await overtaken(ctx, database, logReader(database, { gapWaitMs: 0 }))).toEqual(['A', 'B']);
});

test('a prepared transaction holds its gap open through a crash of the server, which takes its name away', async () => {
  await using server = await ownServer();
  await using database = openDatabase({ url: server.url, name: 'writer-and-reader', clock });
  await migrateStore(ctx, database);
  const reader = logReader(database, { gapWaitMs: 0 });
  const read = async () => (await reader.read(ctx, { after: 0n, limit: 10 })).map(({ data }) => data);
  {
    await using session = await connectAdmin(server.url);
    await session.run('begin');
    await session.run(
      `select fairlead_log_append('a', -1, '{p}', '{t}', '{1}', '{k}', '{"\\"prepared\\""}', null, null, null, 't', 'c', null, 'default')`,
    );
    await database.tx(ctx, (tx) => append(tx, 'b', 'any', [{ type: 'note.made', key: 'k', data: 'fast' }]));
    // Seen as a session's transaction.
    expect(await read()).toEqual([]);
    await session.run(`prepare transaction 'through a crash'`);
    expect(await read()).toEqual([]);
  }
  expect(await crash(server.url)).toBe(1);
  const again = async (): Promise<unknown[]> => {
    for (;;) {
      const found = await read().catch(() => undefined);
      if (found !== undefined) return found;
      await clock.sleep(20);
    }
  };
  expect(await again()).toEqual([]);
  await using session = await connectAdmin(server.url);
  const holders = await session.run(
    `select virtualtransaction as name from pg_locks where relation = 'fairlead_log_position'::regclass`,
  );
  expect(holders).toMatchObject([{ name: expect.stringMatching(/^-1\//) }]);
  await session.run(`commit prepared 'through a crash'`);
  expect(await again()).toEqual(['prepared', 'fast']);
});
