import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir, lockHolder } from './data-dir-lock.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-test-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('a second lock is refused and names the process that holds the first', async () => {
  const lock = await lockDataDir(dir);
  await expect(lockDataDir(dir)).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  expect(await lockHolder(dir)).toMatchObject({ pid: process.pid });
  await lock.release();
  await (await lockDataDir(dir)).release();
  expect(await readdir(dir)).toEqual([]);
});

test('a lock whose number belongs to another process now is taken over', async () => {
  await writeFile(join(dir, 'lock'), JSON.stringify({ pid: process.pid, started: 'in another life' }));
  expect(await lockHolder(dir)).toBeUndefined();
  const lock = await lockDataDir(dir);
  expect(await lockHolder(dir)).toMatchObject({ pid: process.pid });
  await lock.release();
});

test('a damaged lock, and a takeover that was never finished, are no obstacles', async () => {
  await writeFile(join(dir, 'lock'), '{');
  await writeFile(join(dir, 'lock.takeover'), JSON.stringify({ pid: 4_000_000, started: 'x' }));
  const lock = await lockDataDir(dir);
  await lock.release();
  expect(await readdir(dir)).toEqual([]);
});

test('of many that take a stale lock at once, exactly one gets it', async () => {
  await writeFile(join(dir, 'lock'), JSON.stringify({ pid: process.pid, started: 'in another life' }));
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataDir(dir)));
  const winners = results.filter((result) => result.status === 'fulfilled');
  expect(winners).toHaveLength(1);
  await winners[0]?.value.release();
});
