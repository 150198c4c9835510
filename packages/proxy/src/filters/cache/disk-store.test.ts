import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { virtualClock, type VirtualClock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { DiskStore } from './disk-store.ts';
import type { Entry } from './entry.ts';
import { bodyOf, recordOfTest, sourceOf, Taker, takenOf } from './stores.fixture.ts';

/** As long as a machine that has much to do may take. */
const SOON = { timeout: 20_000 };

const KIB = 1024;
const START = Date.UTC(2030, 0, 1);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-disk-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

async function opened(path: string, more: { clock?: VirtualClock; maxBytes?: number; errors?: unknown[] } = {}) {
  const { clock = virtualClock({ startMs: START }), maxBytes = 1024 * KIB, errors = [] } = more;
  const store = new DiskStore({
    clock,
    folder: path,
    maxBytes,
    maxObjectBytes: 512 * KIB,
    failed: (error) => errors.push(error),
  });
  await store.ready;
  return { store, clock, errors };
}

async function stored(store: DiskStore, resource: string, body: string, more = {}): Promise<Entry | undefined> {
  const spool = store.begin(recordOfTest(resource, more), -1);
  for (let at = 0; at < body.length; at += 1_000) spool?.append(Buffer.from(body.slice(at, at + 1_000), 'latin1'));
  return spool?.commit();
}

const filesOf = async (path: string) => (await readdir(join(path, '0'))).filter((name) => name !== 'owner');

test('what was stored is there for the next process, as old as it is, with its tags', async () => {
  const path = await folder();
  const body = 'abc'.repeat(60_000);
  const before = await opened(path);
  await stored(before.store, '/a', body, { tags: ['t'], selecting: [['x-a', '1']], initialAgeMs: 5_000 });
  expect(await bodyOf(before.store.find('/a', 'shop')[0])).toBe(body);
  await before.store.close();
  const clock = virtualClock({ startMs: START + 20_000 });
  const { store, errors } = await opened(path, { clock });
  const [entry] = store.find('/a', 'shop');
  expect(entry?.record).toMatchObject({ tags: ['t'], selecting: [['x-a', '1']] });
  expect(entry?.ageMs(clock.monotonic())).toBe(25_000);
  expect(await bodyOf(entry)).toBe(body);
  expect(store.purge({ kind: 'tag', tag: 't' })).toBe(1);
  await expect.poll(() => filesOf(path), SOON).toEqual([]);
  expect(store.report().bytes).toBe(0);
  expect(errors).toEqual([]);
  await store.close();
});

test('a clock that was set back in between leaves nothing fresh', async () => {
  const path = await folder();
  const before = await opened(path);
  await stored(before.store, '/a', 'x');
  await before.store.close();
  const { store, clock } = await opened(path, { clock: virtualClock({ startMs: START - 1 }) });
  expect(store.find('/a', 'shop')[0]?.ageMs(clock.monotonic())).toBe(Infinity);
  await store.close();
});

test('a file that isn’t whole is no answer, wherever it ends', async () => {
  const path = await folder();
  const before = await opened(path);
  await stored(before.store, '/a', 'body of it');
  await before.store.close();
  const [name] = await filesOf(path);
  const file = join(path, '0', name!);
  const whole = await readFile(file);
  for (let bytes = 0; bytes <= whole.length; bytes += 1) {
    await writeFile(file, whole);
    await truncate(file, bytes);
    const { store } = await opened(path);
    expect(store.find('/a', 'shop')).toHaveLength(bytes === whole.length ? 1 : 0);
    await store.close();
  }
  await writeFile(file, whole);
  await appendFile(file, 'x');
  const longer = await opened(path);
  expect(longer.store.find('/a', 'shop')).toEqual([]);
  await longer.store.close();
  expect(await filesOf(path)).toEqual([]);
});

test('a head that has been changed is no answer, and a body that has been is cut off', async () => {
  const path = await folder();
  const before = await opened(path);
  await stored(before.store, '/a', 'body of it');
  await before.store.close();
  const [name] = await filesOf(path);
  const file = join(path, '0', name!);
  const whole = await readFile(file);
  const other = Buffer.from(whole);
  other[3] = 0x21;
  await writeFile(file, other);
  const { store, errors } = await opened(path);
  expect(await bodyOf(store.find('/a', 'shop')[0])).toBeUndefined();
  expect(String(errors[0])).toContain('does not hold what was written to it');
  await store.close();
  other[3] = whole[3]!;
  other[15] = 0x21;
  await writeFile(file, other);
  const again = await opened(path);
  expect(again.store.find('/a', 'shop')).toEqual([]);
  await again.store.close();
});

test('a head that was confirmed is the one that the next process finds', async () => {
  const path = await folder();
  const { store } = await opened(path);
  const entry = (await stored(store, '/a', 'body'))!;
  for (const value of ['x'.repeat(500), 'y'])
    store.confirm(
      store.find('/a', 'shop')[0]!,
      entry.under({ ...entry.record, fields: ['x-a', value], lifetimeMs: 9_000 }, 0),
    );
  expect(await bodyOf(store.find('/a', 'shop')[0])).toBe('body');
  await store.close();
  const after = await opened(path);
  expect(after.store.find('/a', 'shop')[0]?.record).toMatchObject({ fields: ['x-a', 'y'], lifetimeMs: 9_000 });
  expect(await bodyOf(after.store.find('/a', 'shop')[0])).toBe('body');
  await after.store.close();
});

test('there are at most so many blocks, and what is being read is deleted afterwards', async () => {
  const path = await folder();
  const { store, errors } = await opened(path, { maxBytes: 256 * KIB });
  const first = (await stored(store, '/0', 'z'.repeat(120 * KIB)))!;
  const slow = new Taker();
  slow.hasRoom = false;
  const source = sourceOf(first);
  source.start(slow);
  for (let index = 1; index < 100; index += 1) await stored(store, `/${index}`, 'x'.repeat(10 * KIB));
  expect(store.find('/0', 'shop')).toEqual([]);
  const { bytes, entries, evicted } = store.report();
  expect(bytes).toBeLessThanOrEqual(256 * KIB);
  expect(entries + evicted).toBe(100);
  slow.hasRoom = true;
  await expect.poll(() => slow.text.length, SOON).toBeGreaterThan(0);
  source.room();
  expect(await slow.ended).toBe('whole');
  expect(slow.text).toHaveLength(120 * KIB);
  await expect.poll(async () => (await filesOf(path)).length, SOON).toBe(entries);
  const sizes = await Promise.all((await filesOf(path)).map(async (name) => (await stat(join(path, '0', name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(256 * KIB);
  expect(errors).toEqual([]);
  await store.close();
});

test('others read what is on its way to the disk, and hear when the rest never comes', async () => {
  const path = await folder();
  const { store } = await opened(path);
  for (const isWhole of [true, false]) {
    const body = 'abcdefgh'.repeat(20_000);
    const spool = store.begin(recordOfTest('/a'), body.length)!;
    const early = takenOf(spool.reader());
    spool.append(Buffer.from(body.slice(0, 100_000)));
    const late = takenOf(spool.reader());
    if (isWhole) {
      spool.append(Buffer.from(body.slice(100_000)));
      await spool.commit();
    } else spool.abandon();
    expect([await early, await late]).toEqual(isWhole ? [body, body] : [undefined, undefined]);
    store.purge({ kind: 'all' });
    await expect.poll(() => filesOf(path), SOON).toEqual([]);
  }
  expect(store.report().bytes).toBe(0);
  await store.close();
});

test('two stores in one folder have a part of it each, and a disk that fails is as if nothing were stored', async () => {
  const path = await folder();
  const one = await opened(path);
  const two = await opened(path);
  await stored(one.store, '/a', 'one');
  expect(two.store.find('/a', 'shop')).toEqual([]);
  expect((await readdir(path)).toSorted()).toEqual(['0', '1']);
  await rm(join(path, '1'), { recursive: true });
  expect(await stored(two.store, '/b', 'two')).toBeUndefined();
  expect(two.errors.length).toBeGreaterThan(0);
  expect(two.store.report()).toMatchObject({ entries: 0, bytes: 0 });
  await one.store.close();
  await two.store.close();
  await writeFile(join(path, 'file'), '');
  const nowhere = await opened(join(path, 'file', 'x'));
  expect(nowhere.errors).toHaveLength(1);
  expect(nowhere.store.begin(recordOfTest('/a'), 1)).toBeUndefined();
  await nowhere.store.close();
});

test('a process that is killed in the middle of writing leaves whole answers only', async () => {
  const path = await folder();
  for (let round = 0; round < 3; round += 1) {
    const child = fork(fileURLToPath(new URL('./storing-process.fixture.ts', import.meta.url)), [path, String(round)], {
      execArgv: ['--conditions=@fairlead/source'],
    });
    // It tells of each answer that is stored; it is killed while it writes others.
    for (let count = 0; count < 20; count += 1) await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const { store, errors } = await opened(path, {
    clock: virtualClock({ startMs: START }),
    maxBytes: 1024 * 1024 * KIB,
  });
  const entries = store.list(10_000);
  expect(entries.length).toBeGreaterThanOrEqual(20);
  for (const entry of entries) {
    const [letter = ''] = entry.record.tags;
    expect(await bodyOf(entry)).toBe(letter.repeat(entry.bodyBytes));
  }
  expect((await filesOf(path)).filter((name) => !name.endsWith('.answer'))).toEqual([]);
  expect(errors).toEqual([]);
  await store.close();
});
