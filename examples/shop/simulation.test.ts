import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Entry } from './billing/ledger.ts';
import { oneOrder } from './simulation.ts';

const program = fileURLToPath(new URL('./simulation.ts', import.meta.url));

/** Runs the simulation in a process of its own. */
async function run(seed: number): Promise<{ hash: string; happenings: number; virtualMs: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@fairlead/source',
    program,
    String(seed),
  ]);
  return JSON.parse(stdout);
}

test('a lost answer and a crash leave one charge, the same way in two processes for one seed', async () => {
  const first = await run(7);
  const again = await run(7);
  const other = await run(8);
  expect(first.happenings).toBeGreaterThan(100);
  expect(again).toEqual(first);
  expect(other.hash).not.toBe(first.hash);
});

test('a billing that forgets its keys is caught', async () => {
  const entries: Entry[] = [];
  const forgetful = { entries, book: async (entry: Entry) => (entries.push(entry), entry) };
  await expect(oneOrder(7, { ledger: forgetful })).rejects.toThrow('one charge');
});
