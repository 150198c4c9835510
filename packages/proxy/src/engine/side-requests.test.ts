import { expect, test } from 'vitest';
import { answering, get, OK, running, upstream, type Upstream } from './engine.fixture.ts';
import { filterOf } from './filter-of.fixture.ts';
import type { FilterWorld, SideRequest } from './filter.ts';

/** What comes by sockets comes when the machine has time. */
const PATIENT = { timeout: 20_000 };

const ASKED: SideRequest = { cluster: 'judge', method: 'GET', target: '/ask', timeoutMs: 1_000, maxBodyBytes: 100 };

/** An engine with a filter that asks `judge` before a request goes on; what came of it is in `told`. */
async function asking(
  judge: { readonly origin: string },
  request: Partial<SideRequest> = {},
  more: object = {},
  routes: readonly object[] = [],
) {
  const told: unknown[] = [];
  let world: FilterWorld | undefined;
  const kind = filterOf('asking', (given) => {
    world = given;
    return {
      async request(passage) {
        try {
          const { status, body } = await given.ask({ ...ASKED, passage, ...request });
          told.push([status, body.toString()]);
        } catch (error) {
          told.push(error instanceof Error && 'code' in error ? error.code : error);
          throw error;
        }
        return undefined;
      },
    };
  });
  const origin = await answering(OK);
  const clusters = {
    orders: { endpoints: [origin.origin] },
    judge: { endpoints: [judge.origin], outliers: 'off', ...more },
  };
  const all = { name: 'all', to: 'orders', filters: [{ type: 'asking' }] };
  const run = await running({ clusters, routes: [all, ...routes] }, { kinds: [kind] });
  return { ...run, origin, told, world: () => world ?? expect.fail('The filter was not made.') };
}

test('a filter asks a cluster and has the whole answer, in the trace of the request that it serves', async () => {
  const judge = await answering('HTTP/1.1 403 No\r\ncontent-length: 2\r\nx-why: because\r\n\r\nno');
  const { client, told, origin, telemetry } = await asking(judge, {
    method: 'POST',
    host: 'judge.test',
    fields: { cookie: 'a=b', 'content-length': '99', Connection: 'close', 'x-two': ['1', '2'] },
    body: Buffer.from('body'),
  });
  const traceparent = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await client().send(get('/', traceparent)).got('ok');
  expect(told).toEqual([[403, 'no']]);
  const seen = (await judge.socket(0)).text;
  expect(
    seen
      .replace(/-[0-9a-f]{16}-/, '-_-')
      .replace(/x-request-id: .*/, 'x-request-id: _')
      .split('\r\n'),
  ).toEqual([
    'POST /ask HTTP/1.1',
    'host: judge.test',
    'cookie: a=b',
    'x-two: 1',
    'x-two: 2',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-_-01',
    'x-request-id: _',
    'content-length: 4',
    '',
    'body',
  ]);
  const spans = telemetry.spans.filter(({ kind }) => kind === 'client');
  expect(spans.map(({ attributes }) => attributes['peer.service'])).toEqual(['judge', 'orders']);
  expect(seen).toContain(spans[0]?.spanId ?? 'no span');
  expect((await origin.socket(0)).text).toContain('0af7651916cd43dd8448eb211c80319c');
});

test('its attempts are counted as those of requests are', async () => {
  const { client, telemetry } = await asking(await answering('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'));
  await client().send(get('/')).got('ok');
  expect(await telemetry.metrics.exposition()).toMatch(
    /client\w*_count\{(?=[^}]*peer="judge")(?=[^}]*operation="GET all")(?=[^}]*outcome="500")[^}]*\} 1/,
  );
});

test.each([['nobody is there', 'http://127.0.0.1:1', 'UPSTREAM_UNAVAILABLE', 503]])(
  'where %s, what the filter is told is what its client is told',
  async (_what, origin, code, status) => {
    const { client, told } = await asking({ origin });
    const answer = await client().send(get('/')).got('"code"');
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*"code":"${code}"[^]*judge can't be reached`));
    expect(told).toEqual([code]);
  },
);

test.each([
  [
    'an answer that is too large',
    `HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n${'x'.repeat(101)}`,
    'UPSTREAM_INVALID',
    502,
  ],
  ['an answer that is none', 'HTTP/9 hello\r\n\r\n', 'UPSTREAM_INVALID', 502],
])('%s is refused', async (_what, bytes, code, status) => {
  const { client, told } = await asking(await answering(bytes));
  expect(await client().send(get('/')).got('"code"')).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(told).toEqual([code]);
});

test('one that is not answered in its time is given up, and its connection closed', async () => {
  const judge = await upstream();
  const { client, clock, told } = await asking(judge);
  const wire = client().send(get('/'));
  const there = await judge.socket(0);
  await there.got('/ask');
  await clock.advance(1_000);
  expect(await wire.got('"code"')).toMatch(/^HTTP\/1\.1 504 [^]*UPSTREAM_TIMEOUT/);
  await there.closed;
  expect(told).toEqual(['UPSTREAM_TIMEOUT']);
});

test('it ends when its client goes away', async () => {
  const judge = await upstream();
  const { client, told } = await asking(judge);
  const wire = client().send(get('/'));
  const there = await judge.socket(0);
  await there.got('/ask');
  wire.socket.destroy();
  await there.closed;
  await expect.poll(() => told, PATIENT).toEqual(['CANCELLED']);
});

test('it is repeated as the policy of its cluster says', async () => {
  let count = 0;
  const judge = await upstream((wire) => {
    wire.socket.on('data', () => wire.send((count += 1) < 3 ? 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n' : OK));
  });
  const { client, clock, told } = await asking(judge, { timeoutMs: 9_000 }, { policy: { retry: {} } });
  const wire = client().send(get('/'));
  for (let asked = 1; asked <= 3; asked += 1) {
    await expect.poll(() => count, PATIENT).toBe(asked);
    await clock.advance(1_000);
  }
  await wire.got('ok');
  expect(told).toEqual([[200, 'ok']]);
});

test('the policy is the one that routes to the cluster have: what filters hear opens the breaker for both', async () => {
  const judge = await answering('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n');
  const policy = { breaker: { minCalls: 2, failureRatio: '50%' } };
  const routes = [{ name: 'judge', match: { path: '/judge' }, to: 'judge' }];
  const { client, told } = await asking(judge, {}, { policy }, routes);
  const wire = client();
  for (const path of ['/1', '/2']) await wire.clear().send(get(path)).got('ok');
  expect(await wire.clear().send(get('/judge')).got('"code"')).toMatch(/^HTTP\/1\.1 503 [^]*OVERLOADED/);
  expect(await wire.clear().send(get('/3')).got('"code"')).toMatch(/^HTTP\/1\.1 503 [^]*OVERLOADED/);
  expect(told).toEqual([[500, ''], [500, ''], 'OVERLOADED']);
});

test('a kept connection that has died is replaced', async () => {
  let count = 0;
  const judge = await upstream((wire) => {
    wire.socket.on('data', () => {
      count += 1;
      if (count === 2) wire.socket.destroy();
      else wire.send(OK);
    });
  });
  const { client, told } = await asking(judge);
  await client().send(get('/1')).got('ok');
  await client().send(get('/2')).got('ok');
  expect(told).toEqual([
    [200, 'ok'],
    [200, 'ok'],
  ]);
});

test('one that serves nobody keeps its snapshot, and is cut when the engine closes', async () => {
  const judge = await upstream();
  const { engine, world } = await asking(judge);
  const asked = world().ask({ ...ASKED, timeoutMs: 60_000 });
  const there = await judge.socket(0);
  expect(await there.got('\r\n\r\n')).toMatch(/traceparent: 00-[0-9a-f]{32}-/);
  const failed = expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
  await engine.close({ graceMs: 0 });
  await failed;
  await there.closed;
  await expect(world().ask(ASKED)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
});

test.each([
  [{ target: 'ask' }],
  [{ target: '/a b' }],
  [{ target: '/a\r\nb: c' }],
  [{ method: 'GE T' }],
  [{ host: 'a\r\nb' }],
  [{ fields: { 'x-a': 'b\nc' } }],
] satisfies [Partial<SideRequest>][])('what HTTP can’t carry is refused: %j', async (request) => {
  const judge: Upstream = await answering(OK);
  const { client } = await asking(judge, request);
  expect(await client().send(get('/')).got('"code"')).toMatch(/^HTTP\/1\.1 500 /);
  expect(judge.sockets).toHaveLength(0);
});
