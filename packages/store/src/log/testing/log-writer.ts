// A process of writers for the proof: node log-writer.ts <url> <name> <writers>. Appends until it is told to stop, and tells
// its parent what was acknowledged, and when.
import { createContext, realClock, seededRandom, type Random } from '@fairlead/core';
import type { Tx } from '../../database.ts';
import { openDatabase } from '../../postgres/postgres-database.ts';
import { append } from '../log.ts';
import type { WriterReport } from './writer-report.ts';

const [url = '', name = '', writers = '1'] = process.argv.slice(2);
const clock = realClock();
const random = seededRandom(name);
const database = openDatabase({ url, name, clock, maxConnections: Number(writers) });
const STREAMS = 200;

let stopping = false;
process.once('message', () => (stopping = true));
process.once('disconnect', () => process.exit(1));

let acknowledged: WriterReport[number][] = [];
function report(): void {
  const reports: WriterReport = acknowledged;
  acknowledged = [];
  if (reports.length > 0) process.send?.(reports);
}

const whole = (below: number): number => Math.floor(random.next() * below);

/** Appends `count` events to some stream; their ids begin with the transaction's name. */
async function add(tx: Tx, transaction: string, count: number): Promise<number> {
  const events = Array.from({ length: count }, (_, index) => ({
    id: `${transaction}/${index}`,
    type: 'proof.written',
    key: transaction,
    data: { index },
  }));
  const result = await append(tx, `proof-${whole(STREAMS)}`, 'any', events);
  return result.kind === 'appended' ? count : 0;
}

/** One transaction of a kind that is drawn by lot; how many events it appended. */
async function misbehave(tx: Tx, transaction: string): Promise<number> {
  const lot = random.next();
  const count = 1 + whole(8);
  if (lot < 0.1) {
    await add(tx, transaction, count);
    throw new Error('rolled back');
  }
  if (lot < 0.2) {
    await tx.query('savepoint part');
    await add(tx, `${transaction}/undone`, count);
    await tx.query('rollback to savepoint part');
    // What is left of it holds a place in the sequence, and may go on.
    return random.next() < 0.5 ? 0 : add(tx, transaction, 1);
  }
  if (lot < 0.3) {
    // The transaction's id is drawn early, its positions late.
    await tx.query('insert into proof_state values ($1)', [transaction]);
    if (random.next() < 0.5) await tx.query('select pg_sleep(0.002)');
    return add(tx, transaction, count);
  }
  if (lot < 0.35) {
    const appended = await add(tx, transaction, count);
    await tx.query('select pg_sleep($1)', [random.next() * 0.03]);
    return appended;
  }
  return add(tx, transaction, count);
}

async function write(writer: number, own: Random): Promise<void> {
  for (let round = 0; !stopping; round += 1) {
    const transaction = `${name}-${writer}-${round}`;
    using ctx = createContext({ clock, random: own, timeoutMs: 20_000 });
    try {
      const events = await database.tx(ctx, (tx) => misbehave(tx, transaction));
      acknowledged.push({ transaction, events, atMs: clock.now() });
      if (acknowledged.length >= 16) report();
    } catch {
      // Rolled back, ended from outside, or the server is away: the next transaction has another name.
      if (round % 8 === 0) await clock.sleep(5);
    }
  }
}

await Promise.all(
  Array.from({ length: Number(writers) }, (_, writer) => write(writer, seededRandom(`${name} ${writer}`))),
);
report();
await database.close({ graceMs: 0 });
process.disconnect();
