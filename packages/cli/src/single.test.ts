import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
const blueprint = join(root, 'examples', 'shop', 'platform.ts');

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: root });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

interface Line {
  readonly event: string;
  readonly text?: string;
  readonly gateway: string;
}

test('a part of the shop in one process: the other commands work, what is left out answers 503, Ctrl-C leaves nothing', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'single-test-'));
  const flags = ['--topology', 'single', '--only', 'catalog', '--gateway-port', '0', '--admin-port', '0', '--json'];
  const up = spawn(process.execPath, [launcher, 'up', '--platform', blueprint, '--data-dir', dataDir, ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const notes: string[] = [];
    const ready = await new Promise<Line>((resolve, reject) => {
      createInterface({ input: up.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as Line;
        if (line.event === 'note') notes.push(line.text ?? '');
        if (line.event === 'ready') resolve(line);
      });
      up.once('exit', (code) => reject(new Error(`up exited with ${code} before it was ready`)));
    });
    expect(notes[0]).toMatch(/^Not started: notifications, orders, payments\./);
    const status = await run('status', '--json', '--data-dir', dataDir);
    const { services, edge } = JSON.parse(status.out) as {
      services: { name: string; pid: number; state: string }[];
      edge: { path: string; service?: string; filters: string[] }[];
    };
    expect(services.map(({ name }) => name).toSorted()).toEqual([
      'catalog',
      'control',
      'gateway',
      'inventory',
      'postgres',
    ]);
    expect(edge).toContainEqual({
      path: '/catalog',
      service: 'catalog',
      filters: ['cors', 'rate-limit', 'compress', 'rate-limit', 'cache'],
    });
    const explained = await run('route', 'explain', 'GET /order-details/7', '--data-dir', dataDir);
    expect(explained).toMatchObject({
      code: 0,
      out: expect.stringMatching(/cors: [^]*platform-token: [^]*compose: /),
    });
    for (const { name, pid, state } of services)
      expect([state, pid === up.pid]).toEqual(['ready', name !== 'postgres']);

    const token = await run('token', '--tenant', 'acme', '--subject', 'ada', '--data-dir', dataDir);
    const headers = { authorization: `Bearer ${token.out.trim()}` };
    const answer = await fetch(`${ready.gateway}/catalog`, { headers });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('available')]);
    const absent = await fetch(`${ready.gateway}/orders`, { headers });
    expect([absent.status, await absent.json()]).toMatchObject([
      503,
      { code: 'NOT_STARTED', detail: expect.stringContaining('orders was not started') },
    ]);
    expect((await run('logs', 'catalog', '--data-dir', dataDir)).code).toBe(0);

    up.kill('SIGINT');
    expect(await once(up, 'exit')).toEqual([0, null]);
    const left = await readdir(dataDir);
    for (const name of ['lock', 'state.json']) expect(left).not.toContain(name);
  } finally {
    up.kill('SIGKILL');
    await run('down', '--data-dir', dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('what can not be had is refused before anything starts, with the nearest name', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'single-test-'));
  const common = ['up', '--platform', blueprint, '--data-dir', dataDir];
  expect(await run(...common, '--only', 'order')).toMatchObject({
    code: 1,
    err: expect.stringContaining('Did you mean "orders"?'),
  });
  expect(await run(...common, '--topology', 'single', '--watch')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--watch needs --topology processes'),
  });
  expect(await readdir(dataDir)).toEqual([]);
  await rm(dataDir, { recursive: true });
});
