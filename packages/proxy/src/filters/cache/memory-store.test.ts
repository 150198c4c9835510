import { seededRandom, virtualClock } from '@fairlead/core';
import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import type { Entry } from './entry.ts';
import { entryBytes, MemoryStore } from './memory-store.ts';
import { Recording } from './recording.ts';
import type { Spool } from './spool.ts';
import { bodyOf, recordOfTest, Taker, takenOf } from './stores.fixture.ts';

const KIB = 1024;
const NO_TRAILERS = new Fields([]);

function stored(store: MemoryStore, resource: string, body: string, more = {}): Entry | undefined {
  const spool = store.begin(recordOfTest(resource, more), body.length);
  spool?.append(Buffer.from(body, 'latin1'));
  // `as`: in memory it is known at once.
  return spool?.commit() as Entry | undefined;
}

test('what is counted is what is there, whatever is done, and nothing is left of what is forgotten', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const random = seededRandom(seed);
    const draw = (below: number) => Math.floor(random.next() * below);
    const clock = virtualClock();
    const store = new MemoryStore(clock, 64 * KIB, 8 * KIB);
    const open: { spool: Spool; left: number }[] = [];
    for (let step = 0; step < 400; step += 1) {
      const resource = `/${draw(12)}`;
      const known = store.find(resource, 'shop');
      switch (draw(8)) {
        case 0:
        case 1: {
          const bytes = draw(9 * KIB);
          const isKnown = draw(2) === 0;
          const spool = store.begin(recordOfTest(resource, { tags: ['a'] }), isKnown ? bytes : -1);
          if (spool !== undefined) open.push({ spool, left: bytes });
          break;
        }
        case 2:
        case 3: {
          const one = open[draw(open.length)];
          if (one === undefined) break;
          const bytes = Math.min(one.left, draw(2 * KIB));
          one.left -= bytes;
          if (!one.spool.append(Buffer.alloc(bytes))) open.splice(open.indexOf(one), 1);
          break;
        }
        case 4: {
          const one = open.splice(draw(open.length), 1)[0];
          // Half of them are not whole.
          if (draw(2) === 0) one?.spool.append(Buffer.alloc(one.left));
          void one?.spool.commit();
          break;
        }
        case 5:
          open.splice(draw(open.length), 1)[0]?.spool.abandon();
          break;
        case 6:
          if (known[0] !== undefined) known[0].isVisited = true;
          if (known[0] !== undefined && draw(3) === 0) {
            const record = { ...known[0].record, fields: ['x-long', 'x'.repeat(draw(2 * KIB))] };
            store.confirm(known[0], known[0].under(record, 0));
          }
          break;
        default:
          if (draw(4) === 0) store.purge({ kind: 'resource', resource });
          if (draw(40) === 0) store.purge(draw(2) === 0 ? { kind: 'all' } : { kind: 'tag', tag: 'a' });
      }
      const entries = store.list(1_000);
      const bytes = entries.reduce((sum, { record, bodyBytes }) => sum + entryBytes(record, bodyBytes), 0);
      const report = store.report();
      expect(report.entries).toBe(entries.length);
      expect(report.bytes).toBeLessThanOrEqual(64 * KIB);
      expect(report.bytes).toBeGreaterThanOrEqual(bytes);
      if (open.length === 0) expect(report.bytes).toBe(bytes);
    }
    for (const { spool } of open) spool.abandon();
    store.purge({ kind: 'all' });
    expect(store.report()).toMatchObject({ entries: 0, bytes: 0 });
  }
});

test('what is asked for again stays, however much passes by that is asked for once', async () => {
  const store = new MemoryStore(virtualClock(), 32 * KIB, 8 * KIB);
  for (const name of ['a', 'b', 'c']) stored(store, name, name.repeat(KIB));
  for (let index = 0; index < 100; index += 1) {
    for (const name of ['a', 'b', 'c']) store.find(name, 'shop')[0]!.isVisited = true;
    stored(store, `/once/${index}`, 'x'.repeat(KIB));
  }
  for (const name of ['a', 'b', 'c']) expect(await bodyOf(store.find(name, 'shop')[0])).toBe(name.repeat(KIB));
  expect(store.report().evicted).toBeGreaterThan(80);
});

test('a variant takes the place of the same one, and the oldest of very many goes', () => {
  const store = new MemoryStore(virtualClock(), KIB * KIB, KIB);
  const variant = (value: string) => ({ selecting: [['x-a', value]] as const });
  stored(store, '/a', 'one', variant('1'));
  stored(store, '/a', 'two', variant('2'));
  stored(store, '/a', 'three', variant('1'));
  expect(store.find('/a', 'shop').map(({ bodyBytes }) => bodyBytes)).toEqual([5, 3]);
  for (let index = 0; index < 100; index += 1) stored(store, '/a', 'x', variant(`v${index}`));
  expect(store.find('/a', 'shop')).toHaveLength(32);
  expect(store.report().entries).toBe(32);
});

test('bodies on their way hold no more than the store has, and give nothing up for what has no room', () => {
  const store = new MemoryStore(virtualClock(), 20 * KIB, 16 * KIB);
  stored(store, '/a', 'x'.repeat(2 * KIB));
  const first = store.begin(recordOfTest('/b'), 15 * KIB);
  expect(first).toBeDefined();
  expect(store.begin(recordOfTest('/c'), 15 * KIB)).toBeUndefined();
  const grows = store.begin(recordOfTest('/d'), -1);
  expect(grows?.append(Buffer.alloc(10 * KIB))).toBe(false);
  first?.abandon();
  expect(store.report().bytes).toBeLessThanOrEqual(entryBytes(recordOfTest('/a'), 2 * KIB));
});

test('a body that is longer or shorter than it said is not stored', () => {
  const store = new MemoryStore(virtualClock(), 64 * KIB, 16 * KIB);
  const short = store.begin(recordOfTest('/a'), 10);
  short?.append(Buffer.alloc(9));
  expect(short?.commit()).toBeUndefined();
  const long = store.begin(recordOfTest('/a'), 10);
  expect(long?.append(Buffer.alloc(11))).toBe(false);
  expect(long?.commit()).toBeUndefined();
  expect(store.report().bytes).toBe(0);
});

test('others read what has come, then what comes, and hear when the rest never does', async () => {
  const store = new MemoryStore(virtualClock(), 64 * KIB, 16 * KIB);
  const spool = store.begin(recordOfTest('/a'), 6)!;
  spool.append(Buffer.from('abc'));
  const early = takenOf(spool.reader());
  const slow = new Taker();
  slow.hasRoom = false;
  const source = spool.reader();
  source.start(slow);
  const gone = spool.reader();
  gone.start(new Taker());
  gone.stop();
  expect(spool.isRead).toBe(true);
  spool.append(Buffer.from('def'));
  void spool.commit();
  expect(await early).toBe('abcdef');
  expect(slow.text).toBe('abc');
  source.room();
  expect(await slow.ended).toBe('whole');
  expect(slow.text).toBe('abcdef');
  expect(spool.isRead).toBe(false);
  const broken = store.begin(recordOfTest('/b'), 6)!;
  broken.append(Buffer.from('abc'));
  const cut = takenOf(broken.reader());
  broken.abandon();
  expect(await cut).toBeUndefined();
});

test('a client that is slow is given what is in memory, and its origin is not slowed down', async () => {
  const store = new MemoryStore(virtualClock(), 64 * KIB, 16 * KIB);
  for (const bytes of [9, -1]) {
    const spool = store.begin(recordOfTest(`/${bytes}`), bytes)!;
    const client = new Taker();
    client.hasRoom = false;
    const ends: string[] = [];
    const recording = new Recording(client, { room: () => ends.push('room') }, spool, {
      isShared: () => false,
      lost: () => ends.push('lost'),
      whole: () => void ends.push(spool.commit() === undefined ? 'not' : 'stored'),
    });
    for (const text of ['abc', 'def', 'ghi']) expect(recording.part(Buffer.from(text))).toBe(true);
    recording.end(NO_TRAILERS);
    expect(ends).toEqual(['stored']);
    expect(client.text).toBe('abc');
    client.hasRoom = true;
    recording.room();
    expect(client.text).toBe('abcdefghi');
    expect(await client.ended).toBe('whole');
  }
});

test('what turns out too large goes on to a slow client nevertheless, at its pace', async () => {
  const store = new MemoryStore(virtualClock(), 64 * KIB, 4 * KIB);
  const spool = store.begin(recordOfTest('/a'), -1)!;
  const client = new Taker();
  client.hasRoom = false;
  const ends: string[] = [];
  const recording = new Recording(client, { room: () => ends.push('room') }, spool, {
    isShared: () => false,
    lost: () => ends.push('lost'),
    whole: () => ends.push('whole'),
  });
  const parts = ['a', 'b', 'c'].map((letter) => letter.repeat(2 * KIB));
  expect(recording.part(Buffer.from(parts[0]!))).toBe(true);
  expect(recording.part(Buffer.from(parts[1]!))).toBe(true);
  expect(recording.part(Buffer.from(parts[2]!))).toBe(false);
  expect(ends).toEqual(['lost']);
  client.hasRoom = true;
  recording.room();
  expect(client.text).toBe(parts.join(''));
  expect(ends).toEqual(['lost', 'room']);
  expect(recording.part(Buffer.from('d'))).toBe(true);
  recording.end(NO_TRAILERS);
  expect(client.text).toBe(`${parts.join('')}d`);
  expect(await client.ended).toBe('whole');
  expect(store.report().bytes).toBe(0);
});
