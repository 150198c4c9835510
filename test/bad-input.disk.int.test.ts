import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { customer, eventually, type Answer, type Order } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

const mount = (...args: readonly string[]): boolean => spawnSync('mount', args).status === 0;

/** A small disk of its own, or nothing where this user may not mount one. */
async function smallDisk(): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-disk-'));
  if (!mount('-t', 'tmpfs', '-o', 'size=400m,mode=755', 'tmpfs', path)) {
    await rm(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      spawnSync('umount', ['-l', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Writes until nothing more fits. */
async function fill(file: string): Promise<void> {
  for (let bytes = 1024 * 1024; bytes >= 512; bytes /= 2) {
    try {
      for (;;) await appendFile(file, Buffer.alloc(bytes, 1));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
  }
}

test('a full disk answers 503, loses nothing that was acknowledged, and goes on when there is space again', async (context) => {
  await using disk = await smallDisk();
  if (disk === undefined) {
    console.warn('SKIPPED: a full disk needs the right to mount a tmpfs (root); this user may not.');
    context.skip();
    return;
  }
  await using shop = await new RunningShop(disk.path).start();
  const alice = await customer(shop, 'acme', 'alice');
  const acknowledged: string[] = [];
  const refused: Answer<Order>[] = [];
  async function place(): Promise<boolean> {
    const answer = await alice.place([{ sku: 'PENNANT', quantity: 1 }], randomUUID());
    if (answer.status === 201) acknowledged.push(answer.body.id);
    else refused.push(answer);
    return answer.status === 201;
  }
  expect(await place()).toBe(true);
  const ballast = join(disk.path, 'ballast');
  await fill(ballast);
  expect((await statfs(disk.path)).bavail).toBe(0);
  // What Postgres has already set aside takes a while to be used up.
  for (let n = 0; n < 3_000 && refused.length < 3; n += 1) await place();
  expect(refused.map(({ status }) => status)).toEqual([503, 503, 503]);
  for (const { body } of refused) {
    const { code, detail } = body as unknown as { code: string; detail: string };
    expect(code).toMatch(/UNAVAILABLE|DATABASE_FULL/);
    expect(detail).not.toBe('');
  }
  // Whoever looks after it finds the cause by name.
  const { stdout } = await shop.command('logs');
  expect(stdout).toMatch(/disk is full|No space left on device/);

  await rm(ballast);
  await eventually(async () => (await place()) || undefined, 'orders to be taken again', 90_000);
  for (const id of acknowledged) expect([id, (await alice.order(id)).id]).toEqual([id, id]);
  expect((await alice.ended(acknowledged.at(-1) ?? '')).status).toBe('confirmed');
});
