import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { realClock, realRandom } from '@fairlead/core';
import { adminClient, type AdminClient } from '@fairlead/proxy';
import { expect, onTestFinished, test } from 'vitest';

const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
const CREDENTIAL = 'correct-horse-battery-staple';

function get(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', reject).end();
  });
}

const configuration = (
  path: string,
  cluster = 'orders',
): string => `listeners: [{ name: public, address: '127.0.0.1:9' }]
filters: [{ type: rate-limit, name: strangers, by: ip, rates: [10000/h] }]
routes:
  - { name: it, match: { path: ${path} }, filters: [{ type: respond, status: 200, body: served }] }
  - { name: orders, match: { path: /orders }, to: ${cluster} }
clusters: { orders: { endpoints: ['http://127.0.0.1:9', 'http://127.0.0.1:10'] } }
`;

/** Two processes of one gateway, and a client of its operators. */
async function started(): Promise<{
  readonly cwd: string;
  readonly url: string;
  readonly admin: AdminClient;
  readonly adminUrl: string;
}> {
  const cwd = await mkdtemp(join(tmpdir(), 'gateway-workers-admin-'));
  await writeFile(join(cwd, 'gateway.yaml'), configuration('/one'));
  await writeFile(join(cwd, 'token.txt'), CREDENTIAL);
  const files = ['--admin-credential', 'token.txt', '--admin-audit', 'audit.jsonl'];
  const flags = ['--port', '0', '--admin', '0', '--json', '--workers', '2', ...files];
  const child = spawn(process.execPath, [launcher, 'gateway', 'run', 'gateway.yaml', ...flags], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(cwd, { recursive: true, force: true });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    // `as`: what --json prints when it listens.
    const told = JSON.parse(line) as { listeners: { public: string }; admin: string };
    const { hostname, port } = new URL(told.admin);
    const endpoint = { host: hostname, port: Number(port) };
    const admin = adminClient({ endpoint, credential: CREDENTIAL, clock: realClock(), random: realRandom() });
    onTestFinished(() => admin.close());
    return { cwd, url: told.listeners.public, admin, adminUrl: told.admin };
  }
  throw new Error('The gateway has not begun.');
}

test('several processes are asked and changed as one', async () => {
  const { cwd, url, admin } = await started();
  for (let at = 0; at < 30; at += 1) expect(await get(`${url}/one`)).toBe(200);
  const status = await admin.call('getStatus', {});
  expect(status.processes).toHaveLength(2);
  expect(status.processes.every(({ told, hash }) => told && hash === status.hash)).toBe(true);

  // Whichever process a connection came to, all are counted.
  const { routes } = await admin.call('getRoutes', {});
  expect(routes[0]).toMatchObject({ route: 'it', requests: 30, failed: 0 });
  const { consumers } = await admin.call('getConsumers', {});
  expect(consumers).toMatchObject([{ kind: 'nobody', requests: 30 }]);

  // Processes share limits, and who is near one is known once, by the one that counts. On a busy machine they count by themselves for a while.
  const strangers = async () => {
    await get(`${url}/one`);
    return (await admin.call('getLimits', { share: 0 })).limits;
  };
  const shared = [{ name: 'strangers', isShared: true, rates: [{ near: [{ key: '127.0.0.1' }] }] }];
  await expect.poll(strangers, { timeout: 60_000, interval: 500 }).toMatchObject(shared);

  const target = { cluster: 'orders', address: 'http://127.0.0.1:9' };
  const ejected = await admin.call('ejectEndpoint', { ...target, who: 'ann' });
  expect(ejected.processes.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  const { clusters } = await admin.call('getClusters', {});
  expect(clusters.map(({ endpoints }) => endpoints[0]?.state)).toEqual(['ejected', 'ejected']);
  expect(new Set(clusters.map(({ pid }) => pid)).size).toBe(2);

  await writeFile(join(cwd, 'gateway.yaml'), configuration('/two', 'nobody'));
  const refused = await admin.call('reloadConfig', {});
  expect(refused.processes).toMatchObject([{ outcome: 'refused', reason: { problems: [{ path: 'routes[1].to' }] } }]);
  expect((await admin.call('getStatus', {})).lastRefusal).toMatchObject({ kind: 'refused' });
  expect(await get(`${url}/one`)).toBe(200);

  await writeFile(join(cwd, 'gateway.yaml'), configuration('/two'));
  await admin.call('reloadConfig', {});
  expect((await admin.call('getStatus', {})).lastRefusal).toBeUndefined();
  expect(await get(`${url}/two`)).toBe(200);
  const swaps = (await admin.call('getHistory', {})).swaps.map(({ kind }) => kind);
  expect(swaps.filter((kind) => kind !== 'same')).toEqual(expect.arrayContaining(['taken', 'refused', 'started']));
  const lines = (await readFile(join(cwd, 'audit.jsonl'), 'utf8')).trim().split('\n');
  expect(lines[0]).toContain('"who":"ann"');
  expect(lines).toHaveLength(6);
});
