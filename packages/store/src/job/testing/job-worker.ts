// A process that does jobs until it is killed: node job-worker.ts <url> <name> [joint]; joint: each claim is a row of its own.
import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import type { Tx } from '../../database.ts';
import { leases } from '../../lease/leases.ts';
import { openDatabase } from '../../postgres/postgres-database.ts';
import type { Job } from '../job-types.ts';
import { handle } from '../queue.ts';
import { worker } from '../worker.ts';
import { EXACT, LOOSE, type Payload } from './crash-queues.ts';
import { jointDatabase } from './joint-database.ts';

const [url = '', name = '', claims = ''] = process.argv.slice(2);
const clock = realClock();
const random = realRandom();
const opened = openDatabase({ url, name, clock, maxConnections: 8 });
const database = claims === 'joint' ? jointDatabase(opened) : opened;
const held = leases({
  database: openDatabase({ url, name, clock, maxConnections: 2 }),
  holder: name,
  clock,
  random,
  ttlMs: 600,
  renewEveryMs: 150,
});

const WRITE = `insert into effect (n, queue, key, process) values ($1, $2, $3, $4)`;
const note = (tx: Pick<Tx, 'query'>, job: Job<Payload>) =>
  tx.query(WRITE, [job.payload.n, job.queue, job.key ?? null, name]);

/** Some time, some failures, and poison: it takes its process with it. Deaf to its Context, as the worst are. */
async function work(job: Job<Payload>): Promise<void> {
  if (job.payload.poison === true) process.kill(process.pid, 'SIGKILL');
  await clock.sleep(random.next() * 30);
  if (random.next() < 0.03) throw new Error('now and then it fails');
}

async function exact(_: Context, job: Job<Payload>): Promise<void> {
  await work(job);
  using writing = createContext({ clock, random, timeoutMs: 5_000 });
  await database.tx(writing, async (tx) => {
    await job.complete(tx);
    await note(tx, job);
    // Long enough to be stopped between the check and the commit.
    await clock.sleep(random.next() * 5);
  });
}

async function loose(_: Context, job: Job<Payload>): Promise<void> {
  await work(job);
  using writing = createContext({ clock, random, timeoutMs: 5_000 });
  await database.query(writing, WRITE, [job.payload.n, job.queue, job.key ?? null, name]);
}

worker({ database, leases: held, queues: [handle(EXACT, exact), handle(LOOSE, loose)], clock, random, pollMs: 100 });
