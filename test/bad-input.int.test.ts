import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nothingRuns, STRANGER, WITHOUT_OVERRIDE, yard } from './bad-input/fairlead.ts';

test('a service that throws at start ends the start with its own words', async () => {
  await using at = await yard("services: { pong: '~/throwing.ts' }");
  const { code, err } = await at.up();
  expect(code).toBe(1);
  expect(err).toContain('pong keeps ending: it exited with code 1 before it was ready');
  expect(err).toContain('the sails are torn');
  await nothingRuns(at);
});

test('a service that exits with 0 at start has not started', async () => {
  await using at = await yard("services: { pong: '~/leaving.ts' }");
  const { code, err } = await at.up();
  expect(code).toBe(1);
  expect(err).toContain('pong keeps ending: it exited with code 0 before it was ready though nobody asked it to');
  expect(err).toContain('nothing to do');
  await nothingRuns(at);
});

test('a secret that is not set, or whose file is missing, is told without a stack', async () => {
  await using at = await yard("services: { pong: '~/secretive.ts' }");
  const missing = await at.up();
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('PONG_KEY is not set')]);
  const gone = await at.up({ env: { PONG_KEY_FILE: '/nowhere/pong-key' } });
  expect([gone.code, gone.err]).toEqual([
    1,
    expect.stringContaining("names /nowhere/pong-key, which can't be read (ENOENT)"),
  ]);
  const both = await at.up({ env: { PONG_KEY: 'hush-hush-hush', PONG_KEY_FILE: '/nowhere/pong-key' } });
  expect([both.code, both.err]).toEqual([1, expect.stringContaining('PONG_KEY is set, and so is PONG_KEY_FILE')]);
  expect(both.err + both.out).not.toContain('hush-hush-hush');
});

test.skipIf(process.getuid?.() !== 0)('a secret file that its user may not read is told, not replaced', async () => {
  await using at = await yard("services: { pong: '~/secretive.ts' }");
  const file = join(at.dataDir, '..', 'pong-key');
  await writeFile(file, 'hush-hush-hush', { mode: 0o600 });
  await chown(file, STRANGER, STRANGER);
  const { code, err } = await at.up({ env: { PONG_KEY_FILE: file }, under: WITHOUT_OVERRIDE });
  expect(code).toBe(1);
  expect(err).toContain(`names ${file}, which can't be read (EACCES)`);
  expect(err).toContain('Let it name a readable file');
});
