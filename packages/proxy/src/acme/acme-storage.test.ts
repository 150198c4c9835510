import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, virtualClock } from '@fairlead/core';
import { testCertificate } from '@fairlead/net/testing';
import { expect, test } from 'vitest';
import { acmeStorage, publishedChallenge } from './acme-storage.ts';

async function world() {
  const random = seededRandom('storage');
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const folder = join(await mkdtemp(join(tmpdir(), 'fairlead-acme-')), 'acme');
  const open = (names = ['b.test', 'a.test'], directory = 'https://acme.test/dir') =>
    acmeStorage({ storage: folder, directory, names }, { clock, random });
  return { clock, folder, open, [Symbol.asyncDispose]: () => rm(join(folder, '..'), { recursive: true }) };
}

test('a certificate is kept with its key, for its names and its authority, and only its owner reads it', async () => {
  await using files = await world();
  const made = testCertificate();
  const storage = files.open();
  expect(await storage.issued()).toBeUndefined();
  await storage.keep(made);
  expect(await files.open(['a.test', 'b.test']).issued()).toBeUndefined();
  expect(await files.open(['b.test', 'a.test']).issued()).toEqual({ cert: made.cert, key: made.key });
  expect(await files.open(['b.test', 'a.test'], 'https://acme.test/other').issued()).toBeUndefined();
  const key = await storage.accountKey();
  expect(key).toContain('PRIVATE KEY');
  expect(await files.open(['c.test']).accountKey()).toBe(key);
  const [authority = ''] = await readdir(files.folder);
  const kept = await readdir(join(files.folder, authority));
  expect(kept).toHaveLength(2);
  for (const name of kept) expect((await stat(join(files.folder, authority, name))).mode & 0o777).toBe(0o600);
});

test('what half a write or another hand has left is no certificate', async () => {
  await using files = await world();
  const storage = files.open();
  await storage.keep(testCertificate());
  const [authority = ''] = await readdir(files.folder);
  const [name = ''] = await readdir(join(files.folder, authority));
  await writeFile(join(files.folder, authority, `${name}.1.new`), 'half');
  expect(await storage.issued()).toBeDefined();
  await writeFile(join(files.folder, authority, name), '-----BEGIN CERT');
  expect(await storage.issued()).toBeUndefined();
});

test('one process orders at a time; the right of one that has died comes to its end', async () => {
  await using files = await world();
  const [one, other] = [files.open(), files.open()];
  const held = await one.lock(60_000);
  expect(held).toBeDefined();
  expect(await other.lock(60_000)).toBeUndefined();
  await files.clock.advance(59_000);
  expect(await held?.extend(60_000)).toBe(true);
  await files.clock.advance(59_000);
  expect(await other.lock(60_000)).toBeUndefined();
  await files.clock.advance(2_000);
  const taken = await other.lock(60_000);
  expect(taken).toBeDefined();
  expect(await held?.extend(60_000)).toBe(false);
  await held?.release();
  expect(await one.lock(60_000)).toBeUndefined();
  await taken?.release();
  expect(await one.lock(60_000)).toBeDefined();
});

test('a challenge is answered by every process until it is withdrawn, and no other file is', async () => {
  await using files = await world();
  const withdraw = await files.open().publish('a-token_of-16-or-more', 'text');
  expect(publishedChallenge(files.folder, 'a-token_of-16-or-more')).toBe('text');
  await files.open().keep(testCertificate());
  for (const token of ['../account.pem', 'b-token_of-16-or-more', '', 'a-token_of-16-or-more/'])
    expect(publishedChallenge(files.folder, token)).toBeUndefined();
  await withdraw();
  expect(publishedChallenge(files.folder, 'a-token_of-16-or-more')).toBeUndefined();
  await expect(files.open().publish('../../etc/passwd-or-so', 'text')).rejects.toThrow('is none');
});

test('a pause is kept, and ended', async () => {
  await using files = await world();
  await files.open().setPause({ untilMs: 5, failures: 2 });
  expect(await files.open().pause()).toEqual({ untilMs: 5, failures: 2 });
  await files.open().setPause(undefined);
  expect(await files.open().pause()).toBeUndefined();
});
