import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '@fairlead/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customer } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

/** A server that is not the platform's: `POSTGRES_URL`. */
let server: TestServer;
let folder = '';
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'fairlead-given-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const shopIn = (name: string): RunningShop =>
  new RunningShop(join(folder, name), { POSTGRES_URL: server.address.adminUrl });

/** An order that went all its way. */
async function order(shop: RunningShop): Promise<string> {
  const alice = await customer(shop, 'acme', 'alice');
  const { status, body } = await alice.place([{ sku: 'PENNANT', quantity: 1 }], randomUUID());
  expect(status).toBe(201);
  expect((await alice.ended(body.id)).status).toBe('confirmed');
  return body.id;
}

test('POSTGRES_URL is used in both topologies, and what was stored is there in either', async () => {
  let id = '';
  {
    await using shop = await shopIn('first').start();
    const services = await shop.status();
    expect(services.map(({ name }) => name)).toContain('orders');
    expect(services.filter(({ kind }) => kind === 'database')).toEqual([]);
    id = await order(shop);
  }
  await using shop = await shopIn('first').start('--topology', 'single');
  const alice = await customer(shop, 'acme', 'alice');
  expect(await alice.order(id)).toMatchObject({ id, status: 'confirmed' });
  await order(shop);
  // The services' own processes, and what is told of them, have no superuser's password.
  const { password } = new URL(server.address.adminUrl);
  expect(JSON.stringify(await shop.status())).not.toContain(password);
});

test('another data directory on the same server is refused and cuts nobody off, until it is told to', async () => {
  await using first = await shopIn('first').start();
  const second = shopIn('second');
  await expect(second.start()).rejects.toThrow(/"code":"ROLES_TAKEN".*second\/secrets\/database-passwords\.json/s);
  const created = await second.command('db', 'create', '--platform', 'examples/shop/platform.ts');
  expect([created.code, created.stderr]).toEqual([1, expect.stringContaining('--reset-passwords')]);
  await order(first);
  expect(await first.stop()).toBe(0);

  const flags = ['--platform', 'examples/shop/platform.ts', '--reset-passwords'];
  expect(await second.command('db', 'create', ...flags)).toMatchObject({ code: 0, stderr: '' });
  {
    await using taken = await second.start();
    await order(taken);
  }
  await expect(first.start()).rejects.toThrow(/ROLES_TAKEN/);
});
