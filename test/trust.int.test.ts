import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { admin, customer, eventually, setFaults } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

const COLLECTOR_KEY = 'collector-key-f3b1c8d07a';
const root = process.getuid?.() === 0;
let dataDir = '';
let shop: RunningShop;
let state: { readonly socketDir: string; readonly instances: readonly { name: string; pid: number }[] };
/** What must be told nowhere, each by what it is. */
const secrets = new Map<string, string>();
/** What commands, the gateway and the admin API said. */
const said = new Map<string, string>();

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The part of a connection string, a key or a token that is secret. */
function secretsIn(text: string): string[] {
  const passwords = [...text.matchAll(/:\/\/[^:@/]+:([^@/]+)@/g)].flatMap(([, password]) => password ?? []);
  const strings = text.startsWith('{') ? Object.entries(JSON.parse(text) as Record<string, unknown>) : [];
  const known = strings.flatMap(([name, value]) =>
    typeof value === 'string' && (name === 'd' || !['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'].includes(name))
      ? [value]
      : [],
  );
  return [...passwords, ...known, ...(passwords.length + strings.length === 0 ? [text.trim()] : [])];
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-trust-'));
  shop = await new RunningShop(dataDir, {
    // Nobody listens there; that is a failure to tell of, without the key.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${COLLECTOR_KEY}`,
  }).start();
  state = JSON.parse(await readFile(join(dataDir, 'state.json'), 'utf8')) as typeof state;
  secrets.set('the key of the collector', COLLECTOR_KEY);
  for (const file of await filesBelow(join(dataDir, 'secrets'))) {
    for (const [index, secret] of secretsIn(await readFile(file, 'utf8')).entries())
      secrets.set(`${file}#${index}`, secret);
  }
});

afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** One request with headers exactly as given, repeated names included. */
async function ask(
  url: string,
  headers: readonly string[],
  method = 'GET',
  body = '',
): Promise<{ status: number; text: string }> {
  const sent = request(new URL(url), { method, agent: false, headers: [...headers] });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: Number(answer.statusCode), text };
}

async function token(tenant = 'acme', roles: readonly string[] = []): Promise<string> {
  const { body } = await admin<{ token: string }>(shop, 'POST', '/api/tokens', { tenant, subject: 'ada', roles });
  secrets.set(`token ${secrets.size}`, body.token.split('.')[2] ?? '');
  return body.token;
}

test('identity from outside is never believed, however it is written', async () => {
  const bearer = ['Host', new URL(shop.gatewayUrl).host, 'Authorization', `Bearer ${await token()}`];
  const claims: (readonly string[])[] = [
    ['x-fairlead-tenant', 'globex'],
    ['X-FAIRLEAD-TENANT', 'globex', 'x-Fairlead-Tenant', 'globex'],
    ['x_fairlead_tenant', 'globex', 'X-Fairlead_Tenant', 'globex'],
    ['Connection', 'x-fairlead-tenant', 'x-fairlead-tenant', 'globex'],
    ['Connection', 'authorization, x-fairlead-subject', 'x-fairlead-tenant', 'globex'],
    ['baggage', 'fairlead.tenant=globex'],
  ];
  for (const claim of claims) {
    const { status, text } = await ask(`${shop.gatewayUrl}/catalog`, [...bearer, ...claim]);
    expect([claim, status, text.includes('"EUR"'), text.includes('"USD"')]).toEqual([claim, 200, true, false]);
  }
  for (const role of ['x-fairlead-roles', 'X-Fairlead-Roles', 'x_fairlead_roles', 'x-fairlead-caller']) {
    expect((await ask(`${shop.gatewayUrl}/payments?orderId=x`, [...bearer, role, 'support'])).status).toBe(403);
  }
  // In the trailers of a chunked body: they are not headers of anything.
  const order = JSON.stringify({ items: [{ sku: 'KNIFE', quantity: 1 }] });
  const sent = request(`${shop.gatewayUrl}/orders`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: bearer[3] ?? '',
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      trailer: 'x-fairlead-tenant',
    },
  });
  sent.addTrailers({ 'x-fairlead-tenant': 'globex' });
  sent.write(order);
  sent.end();
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  expect([answer.statusCode, text]).toEqual([201, expect.stringContaining('"EUR"')]);
});

test('a tenant that the blueprint does not list gets no token', async () => {
  const asked = await admin(shop, 'POST', '/api/tokens', { tenant: 'initech', subject: 'ada' });
  expect(asked).toMatchObject({ status: 422, body: { code: 'UNKNOWN_TENANT' } });
});

test('the admin API answers nobody without its credential, no rebound name and no other page', async () => {
  const credential = (await readFile(join(dataDir, 'secrets', 'admin.token'), 'utf8')).trim();
  const { host } = new URL(shop.adminUrl);
  const good = ['Host', host, 'Authorization', `Bearer ${credential}`];
  expect((await ask(`${shop.adminUrl}/api/services`, good)).status).toBe(200);
  const refused: (readonly [number, ...string[]])[] = [
    [401, 'Host', host],
    [401, 'Host', host, 'Authorization', 'Bearer guess'],
    [403, 'Host', 'shop.evil.example', 'Authorization', `Bearer ${credential}`],
    [403, ...good, 'Origin', 'https://evil.example'],
  ];
  for (const [status, ...headers] of refused) {
    const answer = await ask(`${shop.adminUrl}/api/services`, headers);
    expect([headers.slice(0, 2), answer.status]).toEqual([headers.slice(0, 2), status]);
    said.set(`admin ${status} ${headers.length}`, answer.text);
  }
});

test('what the platform keeps is for its own user alone', async () => {
  for (const folder of ['secrets', 'logs', 'externals', 'postgres']) {
    expect([folder, (await lstat(join(dataDir, folder))).mode & 0o077]).toEqual([folder, 0]);
  }
  expect((await lstat(state.socketDir)).mode & 0o077).toBe(0);
  for (const file of ['state.json', 'lock'])
    expect([file, (await lstat(join(dataDir, file))).mode & 0o077]).toEqual([file, 0]);
  for (const file of await filesBelow(join(dataDir, 'secrets')))
    expect([file, (await lstat(file)).mode & 0o077]).toEqual([file, 0]);
});

/** What another user of this machine can do; runs as somebody else, with nothing but Node. */
const STRANGER = String.raw`
const { readFileSync, readdirSync, statSync } = require('node:fs');
const { connect } = require('node:net');
const [files, folders, sockets] = JSON.parse(process.argv[1]);
const open = [];
for (const file of files) { try { readFileSync(file); open.push(file); } catch {} }
for (const folder of folders) { try { readdirSync(folder); open.push(folder); } catch {} }
Promise.all(sockets.map((path) => new Promise((done) => {
  const socket = connect(path, () => { open.push(path); socket.destroy(); done(); });
  socket.on('error', done);
}))).then(() => console.log(JSON.stringify({ uid: process.getuid(), open })));
`;

test.skipIf(!root)(
  'another user of the machine can open no socket, secret, log, state or environment of it',
  async () => {
    const socketNames = ['control', 'orders', 'catalog', 'inventory', 'payments', 'notifications'];
    const sockets = [
      ...socketNames.map((name) => join(state.socketDir, `${name}.sock`)),
      join(state.socketDir, 'postgres', '.s.PGSQL.5432'),
    ];
    for (const socket of sockets) expect([socket, existsSync(socket)]).toEqual([socket, true]);
    const files = [
      ...(await filesBelow(join(dataDir, 'secrets'))),
      ...(await filesBelow(join(dataDir, 'logs'))),
      ...(await filesBelow(state.socketDir)),
      join(dataDir, 'state.json'),
      join(dataDir, 'lock'),
      ...state.instances.map(({ pid }) => `/proc/${pid}/environ`),
    ];
    const folders = [join(dataDir, 'secrets'), join(dataDir, 'postgres'), state.socketDir];
    const flags = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', STRANGER];
    // The folder of the platform itself is made for passers-by, so that what is inside has to hold.
    await spawned('chmod', ['755', dataDir]);
    const answer = JSON.parse(
      await spawned('setpriv', [...flags, JSON.stringify([files, folders, sockets])]),
    ) as unknown;
    expect(answer).toEqual({ uid: 65_534, open: [] });
    // The same program finds all of it open to the platform's own user: it can tell the difference.
    const own = JSON.parse(
      await spawned(process.execPath, ['-e', STRANGER, JSON.stringify([files, folders, sockets])]),
    ) as {
      open: string[];
    };
    expect(own.open).toHaveLength(files.length + folders.length + sockets.length);
  },
);

async function spawned(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  await once(child, 'close');
  return out;
}

test('after successes, failures and a crash no secret is in a log, an answer, a trace, a state, an environment or a command line', async () => {
  const alice = await customer(shop, 'acme', 'alice');
  const bearer = await token();
  const confirmed = await alice.place([{ sku: 'KNIFE', quantity: 1 }], randomUUID());
  await alice.ended(confirmed.body.id);
  const declined = await alice.place([{ sku: 'KNIFE', quantity: 1 }], randomUUID(), 'declined');
  await alice.ended(declined.body.id);
  await setFaults(shop, { failNext: 2, dropNext: 1 });
  const waiting = await alice.place([{ sku: 'LANTERN', quantity: 1 }], randomUUID());
  await alice.ended(waiting.body.id);
  const credential = (await readFile(join(dataDir, 'secrets', 'admin.token'), 'utf8')).trim();
  for (const [name, header] of [
    ['a changed token', `Bearer ${bearer.slice(0, -8)}AAAAAAAA`],
    ['the admin credential', `Bearer ${credential}`],
    ['another scheme', `Basic ${Buffer.from(credential).toString('base64')}`],
  ] as const) {
    const answer = await ask(`${shop.gatewayUrl}/orders`, ['Host', 'x', 'Authorization', header]);
    expect([name, answer.status]).toEqual([name, 401]);
    said.set(name, answer.text);
  }
  const broken = await ask(
    `${shop.gatewayUrl}/orders?access_token=${bearer}`,
    [
      'Host',
      'x',
      'Authorization',
      `Bearer ${bearer}`,
      'Content-Type',
      'application/json',
      'Idempotency-Key',
      randomUUID(),
    ],
    'POST',
    `{"card": "${bearer}"`,
  );
  expect(broken.status).toBe(400);

  const victim = state.instances.find(({ name }) => name === 'payments')?.pid ?? 0;
  process.kill(victim, 'SIGKILL');
  await eventually(async () => {
    const found = (await shop.status()).find(({ name }) => name === 'payments');
    return (found?.state === 'ready' && found.pid !== victim) || undefined;
  }, 'payments to be back');

  for (const command of [
    ['status', '--json'],
    ['status'],
    ['logs'],
    ['trace', confirmed.headers.get('x-request-id') ?? ''],
  ]) {
    const { stdout, stderr } = await shop.command(...command);
    said.set(`fairlead ${command.join(' ')}`, stdout + stderr);
  }
  for (const path of ['/api/services', '/api/traces?limit=500', '/api/dead-letters', '/openapi.json']) {
    const { body } = await admin<{ traces?: { traceId: string }[] }>(shop, 'GET', path);
    said.set(path, JSON.stringify(body));
    for (const { traceId } of body.traces ?? []) {
      said.set(`trace ${traceId}`, JSON.stringify((await admin(shop, 'GET', `/api/traces/${traceId}`)).body));
    }
  }
  for (const file of [...(await filesBelow(join(dataDir, 'logs'))), join(dataDir, 'state.json')]) {
    said.set(file, await readFile(file, 'utf8'));
  }
  const now = JSON.parse(await readFile(join(dataDir, 'state.json'), 'utf8')) as typeof state;
  for (const { name, pid } of now.instances) {
    if (!existsSync(`/proc/${pid}`)) continue;
    for (const file of ['environ', 'cmdline']) {
      said.set(`${name} ${file}`, (await readFile(`/proc/${pid}/${file}`, 'latin1')).replaceAll('\0', '\n'));
    }
  }
  expect(secrets.size).toBeGreaterThan(12);
  expect(said.size).toBeGreaterThan(20);
  expect([...said.values()].join('').length).toBeGreaterThan(50_000);
  const leaks = [...said].flatMap(([where, text]) =>
    [...secrets].filter(([, secret]) => text.includes(secret)).map(([what]) => `${what} in ${where}`),
  );
  expect(leaks).toEqual([]);
});
