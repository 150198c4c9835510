import { Validator } from '@seriousme/openapi-schema-validator';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { FairleadError } from '@fairlead/core';
import { expect, test } from 'vitest';
import { answering, get, OK, Wire, written } from '../engine/engine.fixture.ts';
import { adminContract } from './admin-contract.ts';
import { administered, CREDENTIAL, folder } from './admin.fixture.ts';
import type { AuditLine } from './audit-log.ts';
import { CHANGES } from './changing.ts';

const NOBODY = { clusters: { orders: { endpoints: [] } } };

test('what is at work is told, with its age and what was refused last', async () => {
  const { get: ask, clock, engine, history } = await administered(NOBODY);
  await clock.advance(90_000);
  const first = await ask('/status');
  expect(first.json()).toMatchObject({
    hash: engine.hash,
    origin: 'test',
    isDraining: false,
    changes: 'on',
    processes: [{ pid: process.pid, told: true, hash: engine.hash }],
  });
  expect(first.json()).not.toHaveProperty('lastRefusal');
  history.note({
    kind: 'kept',
    error: new FairleadError('invalid', 'SNAPSHOT_INVALID', 'bad', {
      details: {
        problems: [
          { path: 'routes[0].to', message: 'there is no cluster "x"; did you mean orders?', line: 3, column: 5 },
          { path: 'filters[0].keys', message: 'must be a list, and is the text "hunter2"', line: 4, column: 1 },
        ],
      },
    }),
  });
  history.note({ kind: 'kept', error: new Error('something with a secret in it') });
  expect((await ask('/history')).json()).toMatchObject({
    swaps: [
      { kind: 'refused', reason: { code: 'INTERNAL', message: 'The log says why.' } },
      {
        kind: 'refused',
        reason: {
          problems: [
            { path: 'routes[0].to', message: 'there is no cluster "x"; did you mean orders?', line: 3, column: 5 },
            { path: 'filters[0].keys', message: 'must be a list, and is the text "…"' },
          ],
        },
      },
      { kind: 'started', hash: engine.hash, routes: 1 },
    ],
  });
  expect((await ask('/status')).json()).toMatchObject({ lastRefusal: { kind: 'refused' } });
  history.note({ kind: 'same' });
  expect((await ask('/status')).json()).not.toHaveProperty('lastRefusal');
});

test('the history is bounded, and begins with the start whatever came after it', async () => {
  const { get: ask, history } = await administered(NOBODY);
  for (let at = 0; at < 1_000; at += 1) history.note({ kind: 'same' });
  expect((await ask('/history')).json()).toMatchObject({
    swaps: [...Array.from({ length: 49 }, () => ({ kind: 'same' })), { kind: 'started' }],
  });
});

test('each reading fits the contract, also when there is nothing to tell', async () => {
  const { get: ask } = await administered(NOBODY);
  for (const { method, path, name } of Object.values(adminContract.operations)) {
    if (method !== 'GET') continue;
    const { status, type } = await ask(name === 'explainTarget' ? `${path}?url=/x` : path);
    expect([name, status, type]).toEqual([name, 200, 'application/json']);
  }
});

test('requests are in the figures of their routes, and those who asked are told', async () => {
  const origin = await answering(OK);
  const { get: ask, client } = await administered({
    clusters: { orders: { endpoints: [origin.origin] } },
    routes: [{ name: 'orders', match: { path: '/orders' }, to: 'orders' }],
    filters: [{ type: 'rate-limit', by: 'ip', rates: ['2/m'], name: 'all' }],
  });
  const wire = client();
  for (let at = 0; at < 3; at += 1) {
    wire.clear().send(get('/orders'));
    await wire.got(/ok$|RATE_LIMITED/);
  }
  wire.clear().send(get('/else'));
  await wire.got('NO_ROUTE');
  expect((await ask('/routes')).json()).toMatchObject({
    routes: [{ route: 'orders', requests: 3, refused: 1, failed: 0, causes: [{ cause: 'RATE_LIMITED', requests: 1 }] }],
    unmatched: { requests: 1, causes: [{ cause: 'NO_ROUTE', requests: 1 }] },
    all: 1,
  });
  expect((await ask('/consumers')).json()).toMatchObject({ consumers: [{ kind: 'nobody', requests: 4 }] });
  expect((await ask('/limits?share=1')).json()).toMatchObject({
    limits: [{ name: 'all', refused: 1, rates: [{ near: [{ key: '127.0.0.1', used: 1, pid: process.pid }] }] }],
  });
  expect((await ask('/listeners')).json()).toMatchObject({ listeners: [{ name: 'web', connections: 1 }] });
  expect((await ask('/metrics')).text).toContain('fairlead_endpoint_requests_total');
});

test('a request is explained, by its URL alone or with all that it would say', async () => {
  const { get: ask, ask: any } = await administered({
    ...NOBODY,
    routes: [{ name: 'beta', match: { path: '/x', headers: { 'x-ring': 'beta' } }, to: 'orders' }],
  });
  expect((await ask('/explain?url=/x')).json()).toMatchObject({ destiny: { kind: 'refused', code: 'NO_ROUTE' } });
  const body = JSON.stringify({ url: 'http://shop.test/x', headers: [['X-Ring', 'beta']], from: '10.1.2.3' });
  expect((await any('POST', '/explain', { body })).json()).toMatchObject({
    destiny: { kind: 'route', route: 'beta', destinations: [{ cluster: 'orders', share: 1 }] },
  });
  expect((await ask('/explain?url=shop')).json()).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  expect((await ask('/explain')).json()).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
});

test('an endpoint is ejected and restored, and the audit log has it before it happens', async () => {
  const [one, two] = [await answering(OK), await answering(OK)];
  const file = `${await folder()}/audit.jsonl`;
  const world = await administered(
    { clusters: { orders: { endpoints: [one.origin, two.origin] } } },
    { changes: { credential: CREDENTIAL, auditFile: file } },
  );
  const { change, get: ask, engine } = world;
  const target = { cluster: 'orders', address: one.origin, who: 'ann' };
  expect((await change('/clusters/eject', target)).json()).toEqual({
    processes: [{ pid: process.pid, outcome: 'done' }],
  });
  expect((await ask('/clusters')).json()).toMatchObject({
    clusters: [{ endpoints: [{ state: 'ejected', reason: 'operator', isPicked: false }, { state: 'serving' }] }],
    incidents: [{ kind: 'ejected', address: one.origin, facts: { times: 1 } }],
  });
  expect((await change('/clusters/eject', { ...target, address: two.origin })).json()).toMatchObject({
    status: 409,
    code: 'CHANGE_REFUSED',
    outcome: 'last',
  });
  expect((await change('/clusters/eject', { ...target, cluster: 'x' })).json()).toMatchObject({
    outcome: 'unknown-cluster',
  });
  expect((await change('/clusters/restore', target)).status).toBe(200);
  expect(engine.cluster('orders')?.inspect().endpoints[0]?.state.kind).toBe('serving');
  expect((await change('/clusters/restore', target)).json()).toMatchObject({ outcome: 'not-ejected' });
  // `as`: the lines that the log writes.
  const lines = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditLine);
  expect(lines.map(({ action, outcome, who }) => `${action} ${outcome} ${who}`)).toEqual([
    'ejectEndpoint asked ann',
    'ejectEndpoint done ann',
    'ejectEndpoint asked ann',
    'ejectEndpoint last ann',
    'ejectEndpoint asked ann',
    'ejectEndpoint unknown-cluster ann',
    'restoreEndpoint asked ann',
    'restoreEndpoint done ann',
    'restoreEndpoint asked ann',
    'restoreEndpoint not-ejected ann',
  ]);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(5);
  expect(lines[0]).toMatchObject({ from: '127.0.0.1', target: { address: one.origin, forMs: 600_000 } });
  expect((await ask('/changes')).json()).toMatchObject({
    changes: expect.arrayContaining([expect.objectContaining({ action: 'restoreEndpoint', outcome: 'not-ejected' })]),
  });
});

test('caches are told of and purged, all or some', async () => {
  const purged: unknown[] = [];
  const caches = ['pages', 'api'].map((zone) => ({
    zone,
    report: () => ({ store: 'memory', entries: 2, bytes: 10, maxBytes: 100, hits: 7, misses: 1 }),
    entries: async () => [
      {
        url: 'https://shop.test/a',
        partition: 'acme',
        status: 200,
        bytes: 5,
        ageS: 1,
        ttlS: 59,
        tags: ['t'],
        vary: [],
      },
    ],
    async purge(purge: object) {
      purged.push([zone, purge]);
      return 2;
    },
  }));
  const { get: ask, change } = await administered(NOBODY, { caches });
  expect((await ask('/cache?most=1&zone=pages')).json()).toMatchObject({
    caches: [{ zone: 'pages', counts: { hits: 7, misses: 1 }, listed: [{ url: 'https://shop.test/a' }] }],
  });
  expect((await change('/cache/purge', { tag: 'shoes' })).json()).toEqual({
    processes: [{ pid: process.pid, outcome: 'done', count: 4 }],
  });
  await change('/cache/purge', { url: 'https://shop.test/a', zone: 'api' });
  expect(purged).toEqual([
    ['pages', { kind: 'tag', tag: 'shoes' }],
    ['api', { kind: 'tag', tag: 'shoes' }],
    ['api', { kind: 'url', url: 'https://shop.test/a' }],
  ]);
  expect((await change('/cache/purge', {})).json()).toMatchObject({ code: 'BAD_REQUEST' });
  expect((await change('/cache/purge', { all: true, tag: 'x' })).json()).toMatchObject({ code: 'BAD_REQUEST' });
  expect((await change('/cache/purge', { all: true, zone: 'no' })).json()).toMatchObject({ outcome: 'no-cache' });
});

test('reloading says what became of the file', async () => {
  const world = await administered(NOBODY, {
    reload: async () => world.history.note({ kind: 'taken', snapshot: written(NOBODY) }),
  });
  expect((await world.change('/reload')).json()).toMatchObject({ processes: [{ outcome: 'taken' }] });
  const without = await administered(NOBODY);
  expect((await without.change('/reload')).json()).toMatchObject({ code: 'CHANGE_REFUSED' });
});

test('without the credential nothing changes, and the attempt is written down', async () => {
  const origin = await answering(OK);
  const {
    change,
    ask,
    get: read,
    engine,
  } = await administered({ clusters: { orders: { endpoints: [origin.origin] } } });
  const target = { cluster: 'orders', address: origin.origin, force: true };
  expect((await change('/clusters/eject', target, 'wrong')).json()).toMatchObject({
    status: 401,
    code: 'CREDENTIAL_WRONG',
  });
  const body = JSON.stringify(target);
  expect((await ask('POST', '/clusters/eject', { body })).status).toBe(401);
  const headers = { authorization: `Bearer ${CREDENTIAL}`, origin: 'http://evil.test' };
  expect((await ask('POST', '/clusters/eject', { body, headers })).json()).toMatchObject({
    status: 403,
    code: 'FOREIGN_PAGE',
  });
  expect(engine.cluster('orders')?.inspect().endpoints[0]?.state.kind).toBe('serving');
  expect((await read('/changes')).json()).toMatchObject({
    changes: [{ outcome: 'FOREIGN_PAGE' }, { outcome: 'CREDENTIAL_WRONG' }, { outcome: 'CREDENTIAL_WRONG' }],
  });
});

test('a server without a credential changes nothing at all, whatever is sent', async () => {
  const { change, get: ask } = await administered(NOBODY, { changes: undefined });
  for (const { path, name } of Object.values(adminContract.operations)) {
    if (!CHANGES.has(name)) continue;
    for (const credential of [CREDENTIAL, '', 'undefined', 'null']) {
      expect((await change(path, {}, credential)).json()).toMatchObject({ status: 403, code: 'CHANGES_OFF' });
    }
  }
  expect((await ask('/status')).json()).toMatchObject({ changes: 'off' });
});

test('every POST but explain is a change', () => {
  const posts = Object.values(adminContract.operations).filter(({ method }) => method !== 'GET');
  expect(new Set(posts.map(({ name }) => name).filter((name) => name !== 'explainRequest'))).toEqual(CHANGES);
});

test('a credential that could be guessed, or that others could read, starts nothing', async () => {
  const start = (listen: { host: string; port: number } | { path: string }, changes: object) =>
    administered(NOBODY, { listen, changes: { credential: CREDENTIAL, ...changes } });
  await expect(start({ host: '127.0.0.1', port: 0 }, { credential: 'short' })).rejects.toThrow('has 5 characters');
  await expect(start({ host: '0.0.0.0', port: 0 }, {})).rejects.toThrow('others could read the credential');
  await expect(start({ host: '127.0.0.1', port: 0 }, { auditFile: '/nowhere/at/all' })).rejects.toThrow(
    "can't be written",
  );
  const path = `${await folder()}/admin.sock`;
  expect((await start({ path }, {})).server.url).toBe(`unix:${path}`);
  const { server, change } = await start({ host: '0.0.0.0', port: 0 }, { mayTravel: true });
  expect(server.url).toContain('0.0.0.0');
  expect((await change('/reload')).json()).toMatchObject({ code: 'CHANGE_REFUSED' });
});

test('a name that leads to loopback by a page is not answered', async () => {
  const { server } = await administered(NOBODY);
  const wire = new Wire(connect(Number(new URL(server.url).port), '127.0.0.1'));
  wire.send('GET /status HTTP/1.1\r\nHost: rebound.test\r\n\r\n');
  expect(await wire.got('FOREIGN_PAGE')).toContain('403');
  wire.clear().send('GET /status HTTP/1.1\r\nHost: localhost:1\r\n\r\n');
  await wire.got('200 OK');
});

test('what is not there, or asked wrongly, is told so', async () => {
  const { get: ask, ask: any, telemetry, gateway } = await administered(NOBODY);
  expect((await ask('/')).json()).toMatchObject({ status: 404, code: 'NO_ROUTE' });
  expect((await any('DELETE', '/status')).json()).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
  expect((await ask('/routes?mots=1')).json()).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
  expect((await ask('/health/live')).json()).toEqual({ status: 'ok' });
  expect((await ask('/health/ready')).json()).toEqual({ status: 'ok' });
  Object.assign(gateway, { answer: () => Promise.reject(new Error('torn')) });
  const torn = await ask('/routes');
  expect([torn.status, torn.text.includes('torn')]).toEqual([500, false]);
  expect(JSON.stringify(telemetry.logs)).toContain('the admin server could not answer');
});

test('a gateway that drains is not ready, and still tells', async () => {
  const { get: ask, engine, client } = await administered(NOBODY);
  const wire = client();
  wire.send('GET / HTTP/1.1\r\n');
  const closing = engine.close({ graceMs: 1_000 });
  expect((await ask('/health/ready')).status).toBe(503);
  expect((await ask('/status')).json()).toMatchObject({ isDraining: true });
  wire.socket.destroy();
  await closing;
});

test('the description is valid OpenAPI 3.1, has each path, and says what needs the credential', async () => {
  const { get: ask, server } = await administered(NOBODY);
  // `as`: what follows looks whether it is one.
  const document = (await ask('/openapi.json')).json() as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security: unknown }>>>>;
  };
  expect(await new Validator().validate(document)).toMatchObject({ valid: true });
  expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: server.url }] });
  for (const { path, method, name } of Object.values(adminContract.operations)) {
    const security = document.paths[path]?.[method.toLowerCase()]?.security;
    expect([name, security]).toEqual([name, CHANGES.has(name) ? [{ credential: [] }] : []]);
  }
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/metrics', '/health/ready', '/openapi.json']));
});
