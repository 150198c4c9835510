import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, onTestFinished, test, type TestContext } from 'vitest';
import { realServer, type RealServer } from '../../../tools/servers/real-server.ts';
import { redis } from '../../../tools/servers/redis.ts';

const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');
/** `undefined` where Redis can't be had. */
let server: RealServer | undefined;
let folder = '';

beforeAll(async () => {
  server = await realServer(redis);
  folder = await mkdtemp(join(tmpdir(), 'fairlead-gateway-redis-'));
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

function redisUrl(context: TestContext): string {
  if (server === undefined) context.skip();
  return server.url;
}

/** How many keys Redis has. */
async function keys(): Promise<number> {
  const { hostname, port } = new URL(server?.url ?? '');
  const socket = connect(Number(port), hostname);
  socket.write('DBSIZE\r\n');
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return Number(String(answer).slice(1));
}

/** An upstream that counts, and lets answers be kept. */
async function upstream(): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const origin = createServer((_request, response) => {
    asked += 1;
    response.setHeader('cache-control', 'max-age=600').end(`answer ${asked}`);
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  onTestFinished(() => void origin.close());
  // `as`: it listens on TCP.
  return { url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`, asked: () => asked };
}

async function written(name: string, origin: string): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(
    file,
    `listeners: [{ name: public, address: '127.0.0.1:0' }]
routes:
  - name: limited
    match: { path: /limited }
    filters:
      - { type: rate-limit, name: ${name}, by: ip, rates: [3/h], shared: { onFailure: closed, timeout: 5s } }
    to: origin
  - name: kept
    match: { path: /kept }
    filters: [{ type: cache, zone: ${name}, store: { redis: true } }]
    to: origin
clusters: { origin: { endpoints: ['${origin}'] } }
`,
  );
  return file;
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly printed: () => string;
}

/** A gateway, started as a person does. */
async function running(file: string, ...flags: string[]): Promise<Running> {
  const env = { ...process.env, OF_REDIS: server?.url ?? '' };
  const child = spawn(process.execPath, [launcher, 'gateway', 'run', file, '--json', ...flags], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stderr.on('data', (part) => (printed += String(part)));
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    printed += `${line}\n`;
    const told = JSON.parse(line) as { event: string; listeners?: Record<string, string> };
    if (told.event === 'listening') return { child, url: told.listeners?.['public'] ?? '', printed: () => printed };
  }
  throw new Error(`It has not started: ${printed}`);
}

const statuses = async (...urls: string[]): Promise<number[]> => {
  const all: number[] = [];
  for (const url of urls) all.push((await fetch(url)).status);
  return all;
};

test('gateways with one Redis count a shared limit together, and keep answers together', async (context) => {
  redisUrl(context);
  const { url, asked } = await upstream();
  const file = await written('together', url);
  const one = await running(file, '--redis', 'env:OF_REDIS');
  const two = await running(file, '--redis', 'env:OF_REDIS', '--workers', '2');
  const limited = [one, two, one, two].map((each) => `${each.url}/limited`);
  expect(await statuses(...limited)).toEqual([200, 200, 200, 429]);
  const before = { asked: asked(), keys: await keys() };
  const first = await (await fetch(`${one.url}/kept`)).text();
  // Stored behind the answer: its body, and then where it is found.
  await expect.poll(keys).toBeGreaterThanOrEqual(before.keys + 2);
  await expect.poll(async () => (await fetch(`${two.url}/kept`)).text()).toBe(first);
  expect(asked()).toBe(before.asked + 1);
});

test('a gateway starts without its Redis, says so, and limits do what they say for that', async () => {
  const { url } = await upstream();
  const file = await written('alone', url);
  const gateway = await running(file, '--redis', 'redis://user:s3cret@127.0.0.1:1');
  expect(await statuses(`${gateway.url}/limited`, `${gateway.url}/kept`)).toEqual([503, 200]);
  await expect.poll(gateway.printed).toContain('Redis is out of reach');
  expect(gateway.printed()).not.toContain('s3cret');
});

test('a login that Redis refuses is told without its password', async (context) => {
  const login = redisUrl(context).replace('redis://', 'redis://nobody:s3cret@');
  const { url } = await upstream();
  const gateway = await running(await written('strangers', url), '--redis', login);
  await expect.poll(gateway.printed).toContain('WRONGPASS');
  expect(gateway.printed()).not.toContain('s3cret');
});

test.each([
  ['an address that is none', ['--redis', 'somewhere:secret'], 'redis://127.0.0.1:6379', 'secret'],
  ['a variable that is not set', ['--redis', 'env:NO_SUCH_VARIABLE'], 'NO_SUCH_VARIABLE, which is not set', '---'],
])('%s is refused', async (_name, flags, help, secret) => {
  const file = await written('refused', 'http://127.0.0.1:9');
  const failure = await running(file, ...flags).catch((error: unknown) => String(error));
  expect(failure).toContain(help);
  expect(failure).not.toContain(secret);
});
