import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';

const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
const PATIENT = { timeout: 120_000, interval: 100 };

interface Told {
  readonly event: string;
  readonly listeners?: Readonly<Record<string, string>>;
  readonly why?: string;
  readonly admin?: string;
  readonly pid?: number;
  readonly pids?: readonly number[];
}

let cwd = '';
let child: ChildProcess;
let told: Told[] = [];

/** All at once: a file that is half there would be told of, too. */
async function written(routes: string, moreListeners = ''): Promise<void> {
  const file = join(cwd, 'gateway.yaml');
  await writeFile(
    `${file}.new`,
    `listeners: [{ name: public, address: '127.0.0.1:9' }${moreListeners}]\nroutes:\n${routes}clusters: {}\n`,
  );
  await rename(`${file}.new`, file);
}
const route = (path: string, more = '') =>
  `  - { name: it, match: { path: ${path} }, filters: [${more}{ type: respond, status: 200, body: served }] }\n`;

/** What is told of a kind, when it has been told so often. */
async function event(kind: string, count = 1): Promise<Told> {
  const of = () => told.filter((each) => each.event === kind);
  await expect.poll(() => of().length, PATIENT).toBeGreaterThanOrEqual(count);
  // `as`: there are as many.
  return of()[count - 1] as Told;
}

function get(url: string, agent: Agent | false = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent }, (answer: IncomingMessage) => {
      let text = '';
      answer.on('data', (part) => (text += String(part)));
      answer.on('end', () => resolve(`${answer.statusCode} ${answer.statusCode === 200 ? text : ''}`.trim()));
      answer.on('error', reject);
    });
    outgoing.on('error', reject).end();
  });
}

async function pidsOf(admin: string): Promise<readonly number[]> {
  const { processes } = (await (await fetch(`${admin}/status`)).json()) as { processes: readonly { pid: number }[] };
  return processes.map(({ pid }) => pid);
}

beforeEach(async () => {
  told = [];
  cwd = await mkdtemp(join(tmpdir(), 'gateway-workers-'));
  await written(route('/one'));
  const flags = ['--port', '0', '--admin', '0', '--json', '--workers', '2'];
  child = spawn(process.execPath, [launcher, 'gateway', 'run', 'gateway.yaml', ...flags], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (line) => told.push(JSON.parse(line) as Told));
});
afterEach(async () => {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await rm(cwd, { recursive: true, force: true });
});

test('several processes take a configuration together or not at all, are replaced under load, and end as one', async () => {
  const { listeners, admin = '' } = await event('listening');
  const url = listeners?.['public'] ?? '';
  const first = await pidsOf(admin);
  expect(first).toHaveLength(2);
  expect(await get(`${url}/one`)).toBe('200 served');

  await written(route('/two'));
  await event('taken');
  for (let count = 0; count < 20; count += 1) {
    expect(await get(`${url}/two`)).toBe('200 served');
    expect(await get(`${url}/one`)).toBe('404');
  }

  // What can be read and not be put to work stays out, too.
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await written(route('/three'), `, { name: more, address: '127.0.0.1:${port}' }`);
  expect((await event('kept')).why).toContain('Another process listens there');
  taken.close();
  for (let count = 0; count < 10; count += 1) expect(await get(`${url}/two`)).toBe('200 served');

  // A bad one stays out everywhere, also of a process that begins while it stands there.
  await written('  - { name: it, to: nobody }\n');
  expect((await event('kept', 2)).why).toContain('there is no cluster "nobody"');
  const [victim = 0] = first;
  process.kill(victim, 'SIGKILL');
  expect((await event('crashed')).pid).toBe(victim);
  await event('mended');
  for (let count = 0; count < 20; count += 1) expect(await get(`${url}/two`)).toBe('200 served');

  // SIGUSR2: all are new ones, and nobody is refused.
  const before = await pidsOf(admin);
  const kept = new Agent({ keepAlive: true, maxSockets: 2 });
  let isLoading = true;
  let answers = 0;
  const agents: readonly (Agent | false)[] = [kept, kept, false, false];
  const load = agents.map(async (agent) => {
    while (isLoading) {
      expect(await get(`${url}/two`, agent)).toBe('200 served');
      answers += 1;
    }
  });
  child.kill('SIGUSR2');
  const { pids = [] } = await event('replaced');
  isLoading = false;
  await Promise.all(load);
  kept.destroy();
  expect(pids).toHaveLength(2);
  expect(pids.some((pid) => before.includes(pid))).toBe(false);

  // All requests are in the metrics, also of processes that have ended in order: more than those under load were, without the one that was killed.
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  const served = [
    ...metrics.matchAll(/^http_server_request_duration_seconds_count\{.*"GET \/two",outcome="ok"\} (\d+)$/gm),
  ];
  expect(served.reduce((sum, [, count]) => sum + Number(count), 0)).toBeGreaterThanOrEqual(answers);
  expect(answers).toBeGreaterThan(0);

  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
  expect(told.map((each) => each.event)).toEqual([
    'listening',
    'taken',
    'kept',
    'kept',
    'crashed',
    'mended',
    'replaced',
    'draining',
  ]);
});

test('a limit is one limit for all processes', async () => {
  const { listeners } = await event('listening');
  const url = listeners?.['public'] ?? '';
  let rounds = 0;
  /** How many of 50 are served under a limit that nobody has used yet, and so slow that nothing of it leaks meanwhile. */
  const served = async (): Promise<number> => {
    rounds += 1;
    const limit = `{ type: rate-limit, name: limit-${rounds}, by: ip, rates: [{ rate: 1/h, burst: 30 }] }, `;
    await written(route('/limited', limit));
    await event('taken', rounds);
    const answers: string[] = [];
    for (let count = 0; count < 50; count += 1) answers.push(await get(`${url}/limited`));
    const admitted = answers.filter((answer) => answer === '200 served').length;
    expect(answers.filter((answer) => answer === '429')).toHaveLength(50 - admitted);
    return admitted;
  };
  // On a busy machine they count by themselves for a while.
  await expect.poll(served, PATIENT).toBe(30);
});
