// The filter cors, judged by a real browser: what a page may read, what reaches the service, and how often the browser asks before.
// The cases are those of the Fetch standard's CORS protocol (section 3.3), in a table of our own.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { realClock, realRandom } from '@fairlead/core';
import { snapshotOf, startEngine, type Engine } from '@fairlead/proxy';
import { recordingTelemetry, type RecordingTelemetry } from '@fairlead/telemetry';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { chromium as chromiumServer } from './chromium.ts';
import { realServer, type RealServer } from './real-server.ts';

let server: RealServer | undefined;
let browser: Browser | undefined;
let service: Server;
let pages: Server;
let engine: Engine;
let telemetry: RecordingTelemetry;
let gateway = '';
let pagePort = 0;

/** What reached the service since the last case. */
const reached: string[] = [];

async function listening(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

// A server of TCP that listens has an address.
const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  server = await realServer(chromiumServer);
  if (server === undefined) return;
  browser = await chromium.connectOverCDP(server.url);
  pages = await listening((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html>'),
  );
  pagePort = portOf(pages);
  service = await listening(({ method, url: target = '', headers }, response) => {
    reached.push(`${method} ${target}${headers.cookie === undefined ? '' : ` ${headers.cookie}`}`);
    response.setHeader('x-total', '7');
    response.setHeader('x-secret', '8');
    // What an upstream says of origins is no matter.
    response.setHeader('access-control-allow-origin', 'https://else.test');
    if (target.includes('keep')) response.setHeader('cache-control', 'max-age=600');
    response.end(`${method} ${headers.origin ?? 'nobody'}`);
  });
  telemetry = recordingTelemetry({ clock: realClock() });
  engine = await startEngine({ snapshot: await snapshot(), clock: realClock(), random: realRandom(), telemetry });
  gateway = engine.urls.get('web') ?? '';
});

afterAll(async () => {
  await browser?.close();
  await engine?.close({ graceMs: 0 });
  for (const server of [service, pages]) {
    server?.closeAllConnections();
    server?.close();
  }
  await server?.stop();
});

/** Routes by what their `cors` says; the first member of the path names them. */
function snapshot() {
  const shop = `http://shop.site.test:${pagePort}`;
  const named = { origins: [shop] };
  const rules: Readonly<Record<string, object>> = {
    plain: named,
    methods: { ...named, methods: ['PUT', 'PATCH'] },
    headers: { ...named, headers: ['x-a', 'content-type'] },
    secret: { ...named, headers: ['authorization'] },
    credentials: { ...named, credentials: true },
    'credentials-any': { ...named, credentials: true, methods: ['*'], headers: ['*'] },
    any: { origins: ['*'] },
    'any-all': { origins: ['*'], methods: ['*'], headers: ['*'], exposed: ['*'] },
    exposed: { ...named, exposed: ['X-Total'] },
    wild: { origins: [`http://*.site.test:${pagePort}`] },
    other: { origins: ['https://other.test'] },
    remembered: { ...named, methods: ['PUT'], maxAge: '10m' },
    forgotten: { ...named, methods: ['PUT'], maxAge: '0s' },
    varying: { origins: [shop, `http://www.site.test:${pagePort}`] },
  };
  const routes = Object.entries(rules).map(([name, cors]) => ({
    name,
    match: { path: `/${name}` },
    filters: [{ type: 'cors', ...cors }],
    to: 'service',
  }));
  const redirect = (name: string, cors: object, host?: string) => ({
    name,
    match: { path: `/${name}` },
    filters: [
      { type: 'cors', ...cors },
      {
        type: 'redirect',
        ...(host === undefined ? {} : { host }),
        path: { prefix: `/${name}`, to: '/any' },
        status: 307,
      },
    ],
  });
  return snapshotOf(
    {
      listeners: [{ name: 'web', address: '127.0.0.1:0' }],
      clusters: { service: { endpoints: [`http://127.0.0.1:${portOf(service)}`] } },
      routes: [
        ...routes,
        redirect('moved', named),
        redirect('moved-far', named, 'far.test'),
        redirect('moved-silently', { origins: ['https://other.test'] }),
        {
          name: 'gone',
          match: { path: '/gone' },
          filters: [
            { type: 'cors', ...named },
            { type: 'respond', status: 410, code: 'GONE' },
          ],
        },
        { name: 'bare', match: { path: '/bare' }, to: 'service' },
      ],
    },
    { origin: 'test', loadedAtMs: 0 },
  );
}

/** What a page of this host is told by `fetch`: the answer as far as it may be read, or that it is refused. */
async function fetched(page: Page, path: string, init: object = {}, host = 'api.site.test') {
  reached.length = 0;
  const before = telemetry.logs.length;
  const port = new URL(gateway).port;
  const told = await page.evaluate(
    async ([url, options]) => {
      try {
        const answer = await fetch(url, options);
        const fields = ['x-total', 'x-secret'].filter((name) => answer.headers.has(name));
        return { status: answer.status, text: await answer.text(), fields };
      } catch {
        return 'refused' as const;
      }
    },
    [`http://${host}:${port}${path}`, init] as const,
  );
  const asked = telemetry.logs.slice(before).filter(({ msg, method }) => msg === 'request' && method === 'OPTIONS');
  return { told, reached: [...reached], preflights: asked.length };
}

/** A page of its own, that knows nothing of others. */
async function open(context: TestContext, host = 'shop.site.test'): Promise<Page> {
  if (browser === undefined) context.skip();
  const own = await browser.newContext();
  const page = await own.newPage();
  await page.goto(`http://${host}:${pagePort}/`);
  return page;
}

const json = { 'content-type': 'application/json' };
const body = '{}';

interface Case {
  readonly what: string;
  readonly path: string;
  readonly init?: object;
  /** Default true. */
  readonly isRead?: boolean;
  /** Default as `isRead`. */
  readonly isReached?: boolean;
  /** Default 0. */
  readonly preflights?: number;
  readonly fields?: readonly string[];
}

const CASES: readonly Case[] = [
  { what: 'GET of an origin that is named', path: '/plain' },
  { what: 'HEAD', path: '/plain', init: { method: 'HEAD' } },
  {
    what: 'POST of text',
    path: '/plain',
    init: { method: 'POST', body: 'a', headers: { 'content-type': 'text/plain' } },
  },
  {
    what: 'POST of a form',
    path: '/plain',
    init: { method: 'POST', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  },
  { what: 'a harmless field', path: '/plain', init: { headers: { 'accept-language': 'en' } } },
  {
    what: 'GET of an origin that is not named, which arrives and can’t be read',
    path: '/other',
    isRead: false,
    isReached: true,
  },
  { what: 'GET where nobody says anything of origins but the service', path: '/bare', isRead: false, isReached: true },
  { what: 'GET of a host below one with *', path: '/wild' },
  { what: 'PUT that is named', path: '/methods', init: { method: 'PUT', body }, preflights: 1 },
  {
    what: 'PUT in small letters, which browsers correct',
    path: '/methods',
    init: { method: 'put', body },
    preflights: 1,
  },
  {
    what: 'PATCH in small letters, which they do not',
    path: '/methods',
    init: { method: 'patch', body },
    isRead: false,
    preflights: 1,
  },
  { what: 'DELETE that is not named', path: '/methods', init: { method: 'DELETE' }, isRead: false, preflights: 1 },
  {
    what: 'PUT of an origin that is not named',
    path: '/other',
    init: { method: 'PUT', body },
    isRead: false,
    preflights: 1,
  },
  {
    what: 'PUT where nobody says anything of origins',
    path: '/bare',
    init: { method: 'PUT', body },
    isRead: false,
    preflights: 1,
  },
  { what: 'POST of JSON that may be', path: '/headers', init: { method: 'POST', body, headers: json }, preflights: 1 },
  {
    what: 'POST of JSON that may not be',
    path: '/plain',
    init: { method: 'POST', body, headers: json },
    isRead: false,
    preflights: 1,
  },
  { what: 'a field that is named, in any letters', path: '/headers', init: { headers: { 'X-A': '1' } }, preflights: 1 },
  {
    what: 'a field that is not named',
    path: '/headers',
    init: { headers: { 'x-b': '1' } },
    isRead: false,
    preflights: 1,
  },
  {
    what: 'any method and field',
    path: '/any-all',
    init: { method: 'PUT', body, headers: { 'x-b': '1' } },
    preflights: 1,
    fields: ['x-total', 'x-secret'],
  },
  // That any field is not `authorization`, as the standard has it, Chromium only warns of.
  { what: 'authorization by name', path: '/secret', init: { headers: { authorization: 'a' } }, preflights: 1 },
  { what: 'any origin', path: '/any' },
  {
    what: 'any origin, but with credentials',
    path: '/any',
    init: { credentials: 'include' },
    isRead: false,
    isReached: true,
  },
  {
    what: 'credentials that are not allowed',
    path: '/plain',
    init: { credentials: 'include' },
    isRead: false,
    isReached: true,
  },
  { what: 'credentials', path: '/credentials', init: { credentials: 'include' } },
  {
    what: 'credentials with a preflight that doesn’t allow it',
    path: '/credentials',
    init: { method: 'PUT', body, credentials: 'include' },
    isRead: false,
    preflights: 1,
  },
  {
    what: 'credentials where any method and field is allowed',
    path: '/credentials-any',
    init: { method: 'PUT', body, headers: { 'x-b': '1', authorization: 'a' }, credentials: 'include' },
    preflights: 1,
  },
  { what: 'fields that are exposed', path: '/exposed', fields: ['x-total'] },
  { what: 'a redirect within the gateway', path: '/moved' },
  { what: 'a redirect to a route for any origin, by one that says no', path: '/moved-silently', isRead: false },
  { what: 'a redirect to another origin, from where the page is nobody', path: '/moved-far' },
  { what: 'no reading of what isn’t CORS’s', path: '/plain', init: { mode: 'no-cors' }, isReached: true },
];

test.for(CASES)(
  '$what ($path)',
  async ({ path, init = {}, isRead = true, isReached = isRead, preflights = 0, fields = [] }, context) => {
    const page = await open(context);
    const outcome = await fetched(page, path, init);
    if ('mode' in init) expect(outcome.told).toMatchObject({ status: 0, text: '' });
    else if (isRead) expect(outcome.told).toMatchObject({ status: 200, fields });
    else expect(outcome.told).toBe('refused');
    expect(outcome.reached.filter((line) => !line.startsWith('OPTIONS'))).toHaveLength(isReached ? 1 : 0);
    expect(outcome.preflights).toBe(preflights);
    await page.context().close();
  },
);

test('cookies come along where they may, and only then', async (context) => {
  const page = await open(context);
  await page.context().addCookies([{ name: 'who', value: 'ada', domain: 'api.site.test', path: '/', sameSite: 'Lax' }]);
  const asked = await fetched(page, '/credentials', { credentials: 'include' });
  expect(asked).toMatchObject({ told: { status: 200 }, reached: ['GET /credentials who=ada'] });
  expect((await fetched(page, '/credentials')).reached).toEqual(['GET /credentials']);
  await page.context().close();
});

test('a page in a sandbox is nobody: it reads what any page may read, and nothing else', async (context) => {
  const page = await open(context);
  const base = `http://api.site.test:${new URL(gateway).port}`;
  const read = (path: string) => `fetch('${base}${path}').then((answer) => answer.text(), () => 'refused')`;
  const inside = `Promise.all([${read('/any')}, ${read('/plain')}]).then((all) => parent.postMessage(all, '*'))`;
  const told: unknown = await page.evaluate(`new Promise((resolve) => {
    addEventListener('message', ({ data }) => resolve(data));
    const frame = document.createElement('iframe');
    frame.sandbox.add('allow-scripts');
    frame.srcdoc = ${JSON.stringify(`<script>${inside}</script>`).replaceAll('</', '<\\/')};
    document.body.append(frame);
  })`);
  expect(told).toEqual(['GET null', 'refused']);
  await page.context().close();
});

test.for([
  ['/remembered', 1],
  ['/forgotten', 3],
] as const)('what a browser was told for %s it asks %d times in three', async ([path, times], context) => {
  const page = await open(context);
  let preflights = 0;
  for (let count = 0; count < 3; count += 1) {
    const outcome = await fetched(page, path, { method: 'PUT', body });
    expect(outcome.told).toMatchObject({ status: 200 });
    preflights += outcome.preflights;
  }
  expect(preflights).toBe(times);
  await page.context().close();
});

test('an answer that the browser keeps is not given to a page of another origin that may read its own', async (context) => {
  const page = await open(context);
  expect((await fetched(page, '/varying/keep')).reached).toHaveLength(1);
  // Kept: nobody is asked again.
  expect(await fetched(page, '/varying/keep')).toMatchObject({ told: { status: 200 }, reached: [] });
  const other = await page.context().newPage();
  await other.goto(`http://www.site.test:${pagePort}/`);
  const asked = await fetched(other, '/varying/keep');
  expect(asked.told).toMatchObject({ status: 200, text: `GET http://www.site.test:${pagePort}` });
  expect(asked.reached).toHaveLength(1);
  await page.context().close();
});

test('pages read why the gateway refuses them', async (context) => {
  const page = await open(context);
  const { told } = await fetched(page, '/gone');
  expect(told).toMatchObject({ status: 410, text: expect.stringContaining('"code":"GONE"') });
  await page.context().close();
});
