import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nothingRuns, yard } from './bad-input/fairlead.ts';
import { customer, eventually } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

/** Sets how large the files of a running process of ours, and of what it starts from now on, may become. */
const limit = (pid: number | undefined, bytes: number | 'unlimited'): boolean =>
  spawnSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:`]).status === 0;
const mayLimit = limit(process.pid, 'unlimited');
if (!mayLimit) console.warn('SKIPPED: limiting the size of files needs prlimit of util-linux.');

async function emptyFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-fsize-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test('where no file may grow large enough, up says which limit, and leaves nothing', async () => {
  await using at = await yard("services: { pong: '~/migrating.ts' }");
  // Blocks of 512 or 1024 bytes, as the shell has it.
  const under = ['sh', '-c', 'ulimit -f 4096; exec "$@"', 'sh'];
  const { code, err } = await at.up({ under });
  expect([code, err]).toEqual([1, expect.stringContaining('ulimit -f')]);
  await nothingRuns(at);
  expect((await readdir(at.dataDir)).filter((name) => name.endsWith('.part'))).toEqual([]);
  const nothing = await at.up({ under: ['sh', '-c', 'ulimit -f 0; exec "$@"', 'sh'] });
  expect([nothing.code, nothing.err]).toEqual([1, expect.stringMatching(/EFBIG.*ulimit -f/s)]);
});

test.skipIf(!mayLimit)(
  'up goes on where its state and its logs may not grow, and catches up when they may',
  async () => {
    await using folder = await emptyFolder();
    await using shop = await new RunningShop(folder.path).start();
    const alice = await customer(shop, 'acme', 'alice');
    const before = await readFile(join(folder.path, 'state.json'), 'utf8');
    expect(limit(shop.pid, 1024)).toBe(true);
    const pidOf = async (name: string): Promise<number> => {
      const found = (await shop.status()).find((instance) => instance.name === name);
      return found?.pid ?? 0;
    };
    process.kill(await pidOf('inventory'), 'SIGKILL');
    const log = join(folder.path, 'logs', 'supervisor.log');
    await eventually(
      async () => /EFBIG/.test(await readFile(log, 'utf8').catch(() => '')) || undefined,
      'a word of it',
    );
    await eventually(
      async () => (await alice.place([{ sku: 'PENNANT', quantity: 1 }], randomUUID())).status === 201 || undefined,
      'an order',
    );
    expect(await readFile(join(folder.path, 'state.json'), 'utf8')).toBe(before);
    for (const name of await readdir(join(folder.path, 'logs'))) {
      // Those that stood there before are not cut.
      if (name === 'supervisor.log')
        expect((await stat(join(folder.path, 'logs', name))).size).toBeLessThanOrEqual(1024);
    }
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.part'))).toEqual([]);

    expect(limit(shop.pid, 'unlimited')).toBe(true);
    const killed = await pidOf('catalog');
    process.kill(killed, 'SIGKILL');
    await eventually(
      async () => {
        const services = await shop.status();
        const catalog = services.find(({ name }) => name === 'catalog');
        return (catalog?.state === 'ready' && catalog.pid !== killed) || undefined;
      },
      'the state to be written again',
      60_000,
    );
    expect(await shop.stop()).toBe(0);
  },
);

test('up goes on when nobody can write down what it says, and other commands say so', async () => {
  await using at = await yard("services: { ping: '~/ping.ts', pong: '~/pong.ts' }");
  const full = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];
  const checked = await at.run(['check', '--platform', '<platform>'], { under: full });
  expect([checked.code, checked.err]).toEqual([1, expect.stringContaining("can't be written (ENOSPC)")]);
  const over = new AbortController();
  const up = at.up({ under: full, signal: over.signal });
  await eventually(
    async () => {
      const { out } = await at.run(['status', '--json', '--data-dir', at.dataDir]);
      return /"name":\s*"gateway"[^}]*"state":\s*"ready"/.test(out) || undefined;
    },
    'the gateway to be ready',
    60_000,
  );
  over.abort();
  expect(await up).toMatchObject({ code: 0, err: '' });
});
