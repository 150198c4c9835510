import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';

const launcher = join(import.meta.dirname, '..', 'bin', 'fairlead.js');

interface Told {
  readonly event: string;
  readonly listeners?: Readonly<Record<string, string>>;
  readonly why?: string;
  readonly admin?: string;
}

let cwd = '';
let origin: Server;
let child: ChildProcess;
const told: Told[] = [];
const waiting: (() => void)[] = [];

/** The first event of a kind; the test's own limit ends the wait. */
async function event(kind: string): Promise<Told> {
  for (;;) {
    const found = told.find((each) => each.event === kind);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

/** All at once: a file that is half there would be told of, too. */
async function written(path: string, cluster = 'origin'): Promise<void> {
  const address = origin.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const file = join(cwd, 'gateway.yaml');
  await writeFile(
    `${file}.new`,
    `listeners: [{ name: public, address: '127.0.0.1:9' }]
routes: [{ name: it, match: { path: ${path} }, to: ${cluster} }]
clusters: { origin: { endpoints: ['http://127.0.0.1:${port}'] } }
`,
  );
  await rename(`${file}.new`, file);
}

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  origin = createServer((request, response) => response.end(`origin ${request.url}`)).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  await written('/one');
  const args = [launcher, 'gateway', 'run', 'gateway.yaml', '--port', '0', '--admin', '0', '--json'];
  child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told);
    for (const wake of waiting.splice(0)) wake();
  });
});
afterEach(async () => {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  origin.closeAllConnections();
  origin.close();
  await rm(cwd, { recursive: true, force: true });
});

test('the gateway by itself follows its file, keeps the last good one, and drains', async () => {
  const { listeners, admin } = await event('listening');
  const url = listeners?.['public'] ?? '';
  expect(await (await fetch(`${url}/one`)).text()).toBe('origin /one');
  expect((await fetch(`${url}/two`)).status).toBe(404);

  await written('/two');
  await event('taken');
  expect(await (await fetch(`${url}/two`)).text()).toBe('origin /two');

  expect(await (await fetch(`${admin}/snapshot`)).json()).toMatchObject({
    origin: 'gateway.yaml',
    routes: [{ matches: ['any method /two and below'] }],
  });
  expect(await (await fetch(`${admin}/metrics`)).text()).toContain('fairlead_');

  await written('/three', 'orgin');
  expect((await event('kept')).why).toContain(
    'gateway.yaml:2:51: routes[0].to: there is no cluster "orgin"; did you mean origin?',
  );
  expect((await fetch(`${url}/two`)).status).toBe(200);

  await written('/two');
  child.kill('SIGHUP');
  await event('same');
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
  expect(told.some((each) => each.event === 'draining')).toBe(true);
});
