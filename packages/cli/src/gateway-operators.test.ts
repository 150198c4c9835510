import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { onDemand, realClock, realRandom } from '@fairlead/core';
import { LocalGateway, oneProcess, serveAdmin, snapshotOf, startStandalone, swapHistory } from '@fairlead/proxy';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './run-cli.ts';
import { testTerminal } from './test-terminal.ts';

const CREDENTIAL = 'correct-horse-battery-staple';

/** A gateway with two endpoints that answer, and a terminal to ask it from. */
async function operated() {
  const cwd = await mkdtemp(join(tmpdir(), 'operators-test-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'token.txt'), `${CREDENTIAL}\n`);
  const origins = await Promise.all([origin(), origin()]);
  const clock = realClock();
  const random = realRandom();
  const telemetry = recordingTelemetry({ clock });
  const snapshot = await snapshotOf(
    {
      listeners: [{ name: 'web', address: '127.0.0.1:0' }],
      routes: [{ name: 'orders', match: { path: '/orders' }, to: 'orders' }],
      filters: [{ type: 'rate-limit', by: 'ip', rates: ['3/h'], name: 'strangers' }],
      clusters: { orders: { endpoints: origins } },
    },
    { origin: 'gateway.yaml', loadedAtMs: clock.now() },
  );
  const engine = await startStandalone({ snapshot, clock, random, telemetry });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const history = swapHistory(snapshot, clock);
  const gateway = new LocalGateway({
    engine,
    snapshot: () => snapshot,
    history,
    metrics: telemetry.metrics,
    clock,
    reload: async () => history.note({ kind: 'same' }),
  });
  const admin = await serveAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    clock,
    random,
    telemetry,
    processes: oneProcess(gateway),
    changes: { credential: CREDENTIAL, auditFile: join(cwd, 'audit.jsonl') },
  });
  onTestFinished(() => admin.close({ graceMs: 0 }));
  const address = new URL(admin.url).host;
  return {
    cwd,
    history,
    origins,
    url: engine.urls.get('web') ?? '',
    async run(...args: string[]) {
      const terminal = testTerminal({ cwd, env: { FAIRLEAD_GATEWAY_ADMIN: address, USER: 'ann' } });
      const code = await runCli(terminal, ['gateway', ...args]);
      return { code, out: terminal.stdout(), err: terminal.stderr() };
    },
  };
}

async function origin(): Promise<string> {
  const server = onDemand.http.createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function get(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = onDemand.http.request(url, { agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', reject).end();
  });
}

test('what a gateway does is shown in tables, and as JSON', async () => {
  const { run, url, history } = await operated();
  const statuses = [];
  for (let at = 0; at < 4; at += 1) statuses.push(await get(`${url}/orders`));
  statuses.push(await get(`${url}/else`));
  expect(statuses).toEqual([200, 200, 200, 429, 404]);

  const status = await run('status');
  expect({ code: status.code, err: status.err }).toEqual({ code: 0, err: '' });
  expect(status.out).toMatch(/^gateway\.yaml, hash [0-9a-f]{12}, at work for \d+ s\n/);
  expect(status.out).toContain('changes are on');
  expect(status.out).toMatch(/cluster orders +http:\/\/127\.0\.0\.1:\d+ +serving/);

  const routes = await run('routes');
  expect(routes.out).toMatch(/orders +\d+\.\d +0 +1 +[\d.]+ ms.*RATE_LIMITED 1/);
  expect(routes.out).toMatch(/\(no route\).*NO_ROUTE 1/);
  expect(JSON.parse((await run('routes', '--json')).out)).toMatchObject({ routes: [{ route: 'orders', requests: 4 }] });

  const limits = await run('limits', '--share', '50');
  expect(limits.out).toContain('strangers by ip: 1 key, 3 let through, 1 refused');
  expect(limits.out).toMatch(/127\.0\.0\.1 +3\/h +100 % used +0 left/);
  expect((await run('cache')).out).toBe('There are no caches.\n');

  history.note({ kind: 'kept', error: new Error('torn') });
  expect((await run('status')).out).toContain('so that the one before stays: The log says why.');
});

test('an endpoint is left out and asked again, and who said so is on the record', async () => {
  const { run, origins, cwd } = await operated();
  const [first, second] = origins;
  const by = ['--credential', 'token.txt'];
  const ejected = await run('eject', 'orders', first, '--for', '90s', ...by);
  expect(ejected).toEqual({ code: 0, err: '', out: `${first} of orders is left out for 90 s.\n` });
  expect((await run('status')).out).toMatch(/ejected +0 requests +operator until /);
  const last = await run('eject', 'orders', second, ...by);
  expect(last).toMatchObject({ code: 1, err: expect.stringContaining('Nobody would be left to ask') });
  expect((await run('restore', 'orders', first, ...by)).out).toBe(`${first} of orders is asked again.\n`);
  expect((await run('reload', ...by)).out).toBe('It means what it meant.\n');
  expect((await run('purge', '--all', ...by)).err).toContain('There is no such cache');
  const lines = (await readFile(join(cwd, 'audit.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject(
    ['asked', 'done', 'asked', 'last', 'asked', 'done', 'asked', 'done', 'asked', 'no-cache'].map((outcome) => ({
      who: 'ann',
      outcome,
    })),
  );
});

test('without the credential nothing is changed', async () => {
  const { run, origins } = await operated();
  const refused = await run('eject', 'orders', origins[0]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Authorization: Bearer') });
  expect((await run('status')).out).not.toContain('ejected');
});

test('a wrong line, or nobody there, is told so', async () => {
  const { run, cwd } = await operated();
  expect((await run('purge')).err).toContain('give --tag, --url or --all');
  expect((await run('purge', '--all', '--tag', 'x')).err).toContain('and one of them');
  expect((await run('eject', 'orders', 'x', '--for', 'ever')).err).toContain('--for takes a duration');
  expect((await run('status', '--admin', 'nowhere')).err).toContain('--admin takes host:port');
  expect((await run('reload', '--credential', 'nowhere.txt')).err).toContain("nowhere.txt can't be read");
  await writeFile(join(cwd, 'empty.txt'), '\n');
  expect((await run('reload', '--credential', 'empty.txt')).err).toContain('must hold the credential');
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const address = free.address();
  free.close();
  await once(free, 'close');
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  expect((await run('status', '--admin', String(port))).err).toContain('No gateway is asked at');
});
