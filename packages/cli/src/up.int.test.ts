import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { identify, readState } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { afterAll, beforeAll, expect, test } from 'vitest';

const clock = realClock();
const root = join(import.meta.dirname, '..', '..', '..');
const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
const blueprint = join(root, 'examples', 'shop', 'platform.ts');
const NAMES = [
  'billing',
  'catalog',
  'control',
  'gateway',
  'inventory',
  'notifications',
  'orders',
  'payments',
  'postgres',
];

interface Status {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
  readonly url?: string;
  readonly restarts: number;
}
interface Ready {
  readonly gateway: string;
  readonly admin: string;
  readonly services: Readonly<Record<string, string>>;
}

let dataDir = '';
let up: ChildProcess;
let ready: Ready;

/** Starts `fairlead up --json` and resolves with its ready line. */
async function start(): Promise<void> {
  const flags = [
    'up',
    '--json',
    '--platform',
    blueprint,
    '--data-dir',
    dataDir,
    '--gateway-port',
    '0',
    '--admin-port',
    '0',
  ];
  const child = spawn(process.execPath, [launcher, ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  up = child;
  ready = await new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as Ready & { readonly event: string };
      if (event.event === 'ready') resolve(event);
    });
    child.once('exit', (code) => reject(new Error(`up exited with ${code} before it was ready`)));
  });
}

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: root });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

async function statuses(): Promise<readonly Status[]> {
  const { out } = await run('status', '--json', '--data-dir', dataDir);
  return (JSON.parse(out) as { services: Status[] }).services;
}

/** Waits until `look` gives something; the test's own limit ends it. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(50);
  }
}

const readyAgain = (name: string, before: number | undefined) =>
  eventually(async () =>
    (await statuses()).find((one) => one.name === name && one.state === 'ready' && one.pid !== before),
  );
const gone = (pid: number) => eventually(async () => ((await identify(pid)) === undefined ? true : undefined));

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'up-test-'));
  await start();
});
afterAll(async () => {
  if (up.exitCode === null && up.signalCode === null) {
    up.kill('SIGTERM');
    await once(up, 'exit');
  }
  await run('down', '--data-dir', dataDir);
  await rm(dataDir, { recursive: true, force: true });
});

test('every process is ready, and status says so', async () => {
  const all = await statuses();
  expect(all.map(({ name }) => name).toSorted()).toEqual(NAMES);
  for (const one of all) expect(one).toMatchObject({ state: 'ready', restarts: 0, pid: expect.any(Number) });
  expect(ready.services['billing']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test("what is compiled is kept where the environment says, and else with the platform's data", async () => {
  expect(process.env['NODE_COMPILE_CACHE']).toBeDefined();
  expect(await readdir(dataDir)).not.toContain('compile-cache');
});

test('a token opens the gateway, and its answer leads to a trace', async () => {
  const token = await run('token', '--tenant', 'acme', '--subject', 'ada', '--data-dir', dataDir);
  expect(token.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const answer = await fetch(`${ready.gateway}/catalog`, { headers: { authorization: `Bearer ${token.out.trim()}` } });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
  const id = answer.headers.get('traceparent') ?? answer.headers.get('x-request-id') ?? '';
  const tree = await eventually(async () => {
    const { code, out } = await run('trace', id, '--data-dir', dataDir);
    // Each process sends its spans in its own time.
    return code === 0 && /gateway/.test(out) && /catalog/.test(out) ? out : undefined;
  });
  expect(tree).toContain('gateway');
});

test('where a request would go is explained by what the gateway was started with', async () => {
  const explained = await run('route', 'explain', 'GET /catalog', '--data-dir', dataDir);
  expect(explained.out).toContain('goes by the route /catalog');
  expect(explained.out).toContain('verifies the token of the platform');
  const refused = await run('route', 'explain', 'BREW /catalog', '--data-dir', dataDir);
  expect({ code: refused.code, isRefused: refused.out.includes('405 METHOD_NOT_ALLOWED') }).toEqual({
    code: 1,
    isRefused: true,
  });
});

test('a second platform on the same data, or the same port, is refused with what to do', async () => {
  const same = await run('up', '--platform', blueprint, '--data-dir', dataDir);
  expect([same.code, same.err]).toEqual([1, expect.stringContaining(`in use by process ${up.pid}`)]);
  const { port } = new URL(ready.gateway);
  const other = await mkdtemp(join(tmpdir(), 'up-test-'));
  const taken = await run('up', '--platform', blueprint, '--data-dir', other, '--gateway-port', port);
  expect([taken.code, taken.err]).toEqual([1, expect.stringMatching(new RegExp(`Port ${port} .*--gateway-port`))]);
  expect(await readdir(other)).not.toContain('lock');
  await rm(other, { recursive: true });
});

test.each(['control', 'gateway', 'billing', 'postgres', 'orders'])(
  'kill -9 of %s: it is started again at the same address',
  async (name) => {
    const before = (await statuses()).find((one) => one.name === name);
    process.kill(before?.pid ?? 0, 'SIGKILL');
    // The command reads what the supervisor left, so it works while control is dead.
    const after = await readyAgain(name, before?.pid);
    expect(after).toMatchObject({ url: before?.url, restarts: 1 });
  },
);

test('kill -9 of the supervisor leaves only Postgres, and down ends that too', async () => {
  const state = await readState(dataDir);
  const pids = (state?.instances ?? []).flatMap(({ name, pid }) =>
    pid === undefined || name === 'postgres' ? [] : [pid],
  );
  const postgres = (await statuses()).find(({ name }) => name === 'postgres')?.pid ?? 0;
  expect(pids).toHaveLength(NAMES.length - 1);
  up.kill('SIGKILL');
  await once(up, 'exit');
  await Promise.all(pids.map(gone));
  expect(await run('down', '--data-dir', dataDir)).toMatchObject({ code: 0 });
  expect(await identify(postgres)).toBeUndefined();
  expect(existsSync(state?.socketDir ?? dataDir)).toBe(false);
  expect(await readdir(dataDir)).not.toEqual(expect.arrayContaining(['lock']));
});

test('after that it starts again on the same data, and Ctrl-C leaves no process, lock, socket or state', async () => {
  await start();
  const state = await readState(dataDir);
  const pids = (state?.instances ?? []).flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  expect(pids).toHaveLength(NAMES.length);
  up.kill('SIGINT');
  expect(await once(up, 'exit')).toEqual([0, null]);
  for (const pid of pids) expect(await identify(pid)).toBeUndefined();
  expect(existsSync(state?.socketDir ?? dataDir)).toBe(false);
  const left = await readdir(dataDir);
  for (const name of ['lock', 'state.json']) expect(left).not.toContain(name);
});
