import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';

const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
const reporter = join(import.meta.dirname, 'fixtures', 'report-modules.ts');

/** What costs an idle gateway megabytes, by where it is loaded from. */
const HEAVY: Readonly<Record<string, RegExp>> = {
  http: /^node:http$/,
  https: /^node:https$/,
  http2: /^node:http2$/,
  tls: /^node:tls$/,
  fetch: /undici/,
  yaml: /\/node_modules\/yaml\//,
  re2js: /\/node_modules\/re2js\//,
  ioredis: /\/node_modules\/ioredis\//,
  jose: /\/node_modules\/jose\//,
  openTelemetry: /\/node_modules\/@opentelemetry\//,
  pushing: /\/prom-client\/lib\/pushgateway/,
  postgres: /\/node_modules\/pg\//,
  platform: /\/packages\/(?:platform|control|service|store|events|messaging)\//,
  kinds: /-kind\.ts$/,
  importers: /\/import\/(?:kong|nginx)\//,
  operators: /\/admin-server\.ts$/,
  workers: /\/fleet\.ts$/,
  otherCommands: /\/cli\/src\/commands\/(?!gateway)/,
};

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'gateway-idle-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** Which of those a gateway has loaded that ran a configuration and had nothing to do. */
async function heavy(text: string, ...flags: readonly string[]): Promise<readonly string[]> {
  const file = join(cwd, 'gateway.conf');
  const modules = join(cwd, 'modules');
  await writeFile(file, text);
  const args = ['--import', reporter, launcher, 'gateway', 'run', file, '--json', ...flags];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', MODULES: modules },
  });
  const ended = once(child, 'exit');
  const listening = once(createInterface({ input: child.stdout }), 'line');
  await Promise.race([listening, ended]);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const loaded = (await readFile(modules, 'utf8')).split('\n');
  return Object.keys(HEAVY).filter((name) => loaded.some((module) => HEAVY[name]?.test(module)));
}

const plain = {
  listeners: [{ name: 'web', address: '127.0.0.1:0' }],
  routes: [{ name: 'orders', match: { path: '/orders' }, to: 'orders' }],
  clusters: { orders: { endpoints: ['http://127.0.0.1:9'] } },
};

test('a gateway with a route and nothing to do has loaded nothing that it does not need', async () => {
  expect(await heavy(JSON.stringify(plain))).toEqual([]);
});

test('what a configuration or a flag asks for is loaded', async () => {
  const yaml = `
listeners: [{ name: web, address: '127.0.0.1:0', http2: true }]
routes: [{ name: orders, match: { path: { regex: '/o.*' } }, filters: [{ type: cors, origins: ['https://a.test'] }], to: orders }]
clusters: { orders: { endpoints: ['http://127.0.0.1:9'] } }
`;
  expect(await heavy(yaml, '--admin', '0')).toEqual(
    expect.arrayContaining(['http', 'http2', 'tls', 'yaml', 're2js', 'openTelemetry', 'pushing', 'kinds', 'operators']),
  );
});
