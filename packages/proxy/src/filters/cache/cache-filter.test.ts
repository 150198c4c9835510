import { describe, expect, test } from 'vitest';
import { get, running, written } from '../../engine/engine.fixture.ts';
import { cached, counting, FRESH, status } from './cached-gateway.fixture.ts';
import { answer, ask, origin, type Asked } from './origin.fixture.ts';

/** As long as a machine that has much to do may take. */
const SOON = { timeout: 20_000 };

describe('what is stored is given', () => {
  test('with its age, until it is stale, and then another', async () => {
    const { fetch, clock, server } = await cached(counting(FRESH, 'x-a: 1'));
    const first = await fetch('/a');
    expect(first).toMatchObject({ status: 200, body: 'answer 1' });
    expect(status(first)).toBe('fairlead; fwd=uri-miss; stored');
    await clock.advance(1_500);
    const second = await fetch('/a');
    expect(second.body).toBe('answer 1');
    expect(second.fields.get('age')).toBe('1');
    expect(second.fields.get('x-a')).toBe('1');
    expect(second.fields.get('date')).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
    expect(status(second)).toBe('fairlead; hit; ttl=59');
    await clock.advance(58_499);
    expect((await fetch('/a')).fields.get('age')).toBe('59');
    await clock.advance(1);
    const third = await fetch('/a');
    expect(third.body).toBe('answer 2');
    expect(status(third)).toBe('fairlead; fwd=stale; stored');
    expect(server.asked).toHaveLength(2);
  });

  test('to HEAD, to who has it, and in parts', async () => {
    const { once, fetch, server } = await cached(() =>
      answer(200, [FRESH, 'etag: "a"', 'content-type: text/plain'], '0123456789'),
    );
    await fetch('/a');
    const head = await once(get('/a').replace('GET', 'HEAD'));
    expect(head.fields.get('content-length')).toBe('10');
    expect(status(head)).toContain('hit');
    const not = await fetch('/a', 'if-none-match: "a"');
    expect(not.status).toBe(304);
    expect(not.fields.get('etag')).toBe('"a"');
    expect(not.fields.has('content-type')).toBe(false);
    const part = await fetch('/a', 'range: bytes=2-4');
    expect(part).toMatchObject({ status: 206, body: '234' });
    expect(part.fields.get('content-range')).toBe('bytes 2-4/10');
    expect((await fetch('/a', 'range: bytes=2-4', 'if-range: "b"')).body).toBe('0123456789');
    const none = await fetch('/a', 'range: bytes=10-');
    expect(none).toMatchObject({ status: 416, body: '' });
    expect(none.fields.get('content-range')).toBe('bytes */10');
    expect(server.asked).toHaveLength(1);
  });

  test('whatever its framing was: without a body, in chunks, until the end', async () => {
    const { fetch, server } = await cached(({ target, wire }) => {
      if (target === '/none') return answer(204, [FRESH]);
      if (target === '/chunks')
        return `HTTP/1.1 200 OK\r\n${FRESH}\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`;
      if (target === '/empty') return answer(200, [FRESH]);
      wire.socket.end(`HTTP/1.1 200 OK\r\n${FRESH}\r\n\r\nto the end`);
      return undefined;
    });
    for (const [path, code, body] of [
      ['/none', 204, ''],
      ['/chunks', 200, 'abcde'],
      ['/empty', 200, ''],
      ['/end', 200, 'to the end'],
    ] as const) {
      await fetch(path);
      const hit = await fetch(path);
      expect(hit).toMatchObject({ status: code, body });
      expect(status(hit)).toContain('hit');
    }
    expect(server.asked).toHaveLength(4);
  });

  test('by the variant that a request chooses', async () => {
    const { fetch, server } = await cached(({ fields }) =>
      answer(200, [FRESH, 'vary: accept-language, x-a'], fields.get('accept-language')),
    );
    expect((await fetch('/a', 'accept-language: de')).body).toBe('de');
    const other = await fetch('/a', 'accept-language: en');
    expect(other.body).toBe('en');
    expect(status(other)).toBe('fairlead; fwd=vary-miss; stored');
    expect((await fetch('/a', 'Accept-Language: DE')).body).toBe('de');
    expect((await fetch('/a', 'accept-language: de', 'x-a: 1')).body).toBe('de');
    expect(server.asked).toHaveLength(3);
  });

  test('only when a request takes it, and 504 when it takes nothing else', async () => {
    const { fetch, server, clock } = await cached(counting(FRESH));
    expect((await fetch('/a', 'cache-control: only-if-cached')).status).toBe(504);
    await fetch('/a');
    expect((await fetch('/a', 'cache-control: only-if-cached')).body).toBe('answer 1');
    const anew = await fetch('/a', 'cache-control: no-cache');
    expect(anew.body).toBe('answer 2');
    expect(status(anew)).toBe('fairlead; fwd=request; stored');
    expect((await fetch('/a', 'pragma: no-cache')).body).toBe('answer 3');
    await clock.advance(70_000);
    expect((await fetch('/a', 'cache-control: max-stale=10')).body).toBe('answer 3');
    expect((await fetch('/b', 'cache-control: no-store')).body).toBe('answer 4');
    expect((await fetch('/b')).body).toBe('answer 5');
    expect(server.asked).toHaveLength(5);
  });
});

describe('what is stale is asked about', () => {
  test('and given again with what a 304 says anew', async () => {
    const { fetch, server, clock } = await cached(({ fields, index }) =>
      fields.get('if-none-match') === '"a"'
        ? answer(304, [FRESH, 'etag: "a"', `x-count: ${index}`])
        : answer(
            200,
            [FRESH, 'etag: "a"', 'last-modified: Tue, 01 Jan 2019 00:00:00 GMT', 'x-count: 0', 'x-b: b'],
            'body',
          ),
    );
    await fetch('/a');
    await clock.advance(60_000);
    const confirmed = await fetch('/a');
    expect(confirmed).toMatchObject({ status: 200, body: 'body' });
    expect(confirmed.fields.get('x-count')).toBe('1');
    expect(confirmed.fields.get('x-b')).toBe('b');
    expect(status(confirmed)).toBe('fairlead; fwd=stale; fwd-status=304');
    expect(server.asked[1]?.fields.get('if-modified-since')).toBe('Tue, 01 Jan 2019 00:00:00 GMT');
    expect((await fetch('/a')).fields.get('x-count')).toBe('1');
    await clock.advance(60_000);
    // The client's own conditions are for what it has; ours are for what is here.
    expect((await fetch('/a', 'if-none-match: "b"')).status).toBe(200);
    await clock.advance(60_000);
    expect((await fetch('/a', 'if-none-match: "a"')).status).toBe(304);
    await clock.advance(60_000);
    expect(await fetch('/a', 'range: bytes=1-2')).toMatchObject({ status: 206, body: 'od' });
    expect(server.asked.map(({ fields }) => fields.get('if-none-match') ?? '')).toEqual([
      '',
      '"a"',
      '"a"',
      '"a"',
      '"a"',
    ]);
    expect(server.asked[4]?.fields.has('range')).toBe(false);
  });

  test('and what replaces it without leave to be stored leaves nothing', async () => {
    const { fetch, server, clock } = await cached(({ index }) =>
      answer(200, index === 0 ? [FRESH, 'etag: "a"'] : ['cache-control: no-store'], String(index)),
    );
    await fetch('/a');
    await clock.advance(60_000);
    const second = await fetch('/a');
    expect(second.body).toBe('1');
    expect(status(second)).toBe('fairlead; fwd=stale; detail=no-store');
    await fetch('/a');
    expect(server.asked[2]?.fields.has('if-none-match')).toBe(false);
  });

  test('while others are given it, where it may be stale for a while', async () => {
    const { fetch, server, clock } = await cached(counting('cache-control: max-age=60, stale-while-revalidate=30'));
    await fetch('/a');
    await clock.advance(70_000);
    const stale = await fetch('/a');
    expect(stale.body).toBe('answer 1');
    expect(status(stale)).toBe('fairlead; hit; ttl=-10');
    await server.request(1);
    await expect.poll(async () => (await fetch('/a')).body, SOON).toBe('answer 2');
    expect(server.asked).toHaveLength(2);
    await clock.advance(90_000);
    expect((await fetch('/a')).body).toBe('answer 3');
  });
});

describe('what is stale stands in for failures', () => {
  test.each([
    ['a status', () => answer(503, [])],
    ['a connection that breaks', ({ wire }: Asked) => void wire.socket.destroy()],
  ])('%s', async (_what, fail) => {
    let isDown = false;
    const { fetch, clock } = await cached((asked) =>
      isDown ? (fail(asked) ?? undefined) : answer(200, ['cache-control: max-age=60, stale-if-error=100'], 'good'),
    );
    await fetch('/a');
    isDown = true;
    await clock.advance(61_000);
    const stale = await fetch('/a');
    expect(stale).toMatchObject({ status: 200, body: 'good' });
    expect(status(stale)).toMatch(/^fairlead; fwd=stale;( fwd-status=503;)? detail=stale-if-error$/);
    expect(stale.fields.get('age')).toBe('61');
    await clock.advance(100_000);
    expect((await fetch('/a')).status).toBeGreaterThanOrEqual(500);
    isDown = false;
    expect((await fetch('/a')).body).toBe('good');
  });

  test('a time that is over', async () => {
    const server = await origin(({ index }) => (index === 0 ? answer(200, [FRESH], 'good') : undefined));
    const { client, clock } = await running({
      routes: [{ name: 'all', to: 'shop', timeout: '2s', filters: [{ type: 'cache', staleIfError: '1h' }] }],
      clusters: { shop: { endpoints: [server.origin] } },
    });
    await ask(client(), get('/a'));
    await clock.advance(61_000);
    const late = ask(client(), get('/a'));
    await server.request(1);
    await clock.advance(2_000);
    expect(await late).toMatchObject({ status: 200, body: 'good' });
  });

  test('but not where the answer forbids it', async () => {
    const { fetch, clock } = await cached(
      ({ index }) => answer(index === 0 ? 200 : 503, ['cache-control: max-age=60, must-revalidate'], 'x'),
      { staleIfError: '1h' },
    );
    await fetch('/a');
    await clock.advance(60_000);
    expect((await fetch('/a')).status).toBe(503);
  });
});

describe('what is changed is forgotten', () => {
  const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: shop.test\r\ncontent-length: 0\r\n\r\n`;

  test('with what the answer names, of this origin', async () => {
    const { once, fetch, server } = await cached(({ method }) =>
      method === 'POST'
        ? answer(201, ['location: /b', 'content-location: http://other.test/c'])
        : answer(200, [FRESH], 'x'),
    );
    for (const path of ['/a', '/b', '/c']) await fetch(path);
    await once(post('/a'));
    for (const path of ['/a', '/b', '/c']) await fetch(path);
    expect(server.asked.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'GET /a',
      'GET /b',
      'GET /c',
      'POST /a',
      'GET /a',
      'GET /b',
    ]);
  });

  test('not by what failed, and also what is on its way', async () => {
    const { once, fetch, server } = await cached(({ method, target, index }) => {
      if (target === '/slow') return undefined;
      return answer(method === 'POST' && index === 1 ? 500 : 200, [FRESH], 'x');
    });
    await fetch('/a');
    await once(post('/a'));
    expect(status(await fetch('/a'))).toContain('hit');
    const slow = fetch('/slow');
    const { wire } = await server.request(2);
    // A second client asks after the change: it isn't given what was asked for before.
    const { wire: writing } = await (async () => {
      const sent = once(post('/slow'));
      const request = await server.request(3);
      request.wire.send(answer(200, []));
      await sent;
      return request;
    })();
    expect(writing).not.toBe(wire);
    const after = fetch('/slow');
    const again = await server.request(4);
    wire.send(answer(200, [FRESH], 'old'));
    again.wire.send(answer(200, [FRESH], 'new'));
    expect((await slow).body).toBe('old');
    expect((await after).body).toBe('new');
    expect((await fetch('/slow')).body).toBe('new');
  });
});

test('what is stored outlives a change of the configuration, until none has the cache', async () => {
  const { fetch, engine, server } = await cached(counting(FRESH));
  await fetch('/a');
  const clusters = { shop: { endpoints: [server.origin] } };
  const again = { routes: [{ name: 'all', to: 'shop', timeout: '9s', filters: [{ type: 'cache' }] }], clusters };
  await engine.swap(written(again));
  expect((await fetch('/a')).body).toBe('answer 1');
  await engine.swap(written({ routes: [{ name: 'all', to: 'shop' }], clusters }));
  await expect.poll(() => engine.caches, SOON).toEqual([]);
  expect((await fetch('/a')).body).toBe('answer 2');
  await engine.swap(written(again));
  expect((await fetch('/a')).body).toBe('answer 3');
});

test('operators see what is stored, and forget it by URL, by group, or all', async () => {
  const { fetch, engine, clock, server } = await cached(({ target }) =>
    answer(200, [FRESH, 'vary: x-a', `cache-tag: all, t${target.slice(1)}`], 'body'),
  );
  for (const path of ['/a?b=1', '/b', '/c']) await fetch(path);
  await clock.advance(61_000);
  await fetch('/b');
  const [cache] = engine.caches;
  const listed = await cache!.entries(10);
  expect(listed.map(({ url, ttlS }) => `${url} ${ttlS}`).toSorted()).toEqual([
    'http://shop.test/a?b=1 -1',
    'http://shop.test/b 60',
    'http://shop.test/c -1',
  ]);
  expect(listed[0]).toMatchObject({ partition: 'shop', status: 200, bytes: 4, vary: ['x-a'] });
  expect(await cache!.entries(1)).toHaveLength(1);
  expect(await cache!.purge({ kind: 'url', url: 'http://shop.test:8080/a?b=1' })).toBe(1);
  expect(await cache!.purge({ kind: 'url', url: 'no URL' })).toBe(0);
  expect(await cache!.purge({ kind: 'tag', tag: 't' })).toBe(0);
  expect(await cache!.purge({ kind: 'tag', tag: 'tb' })).toBe(1);
  expect(await cache!.purge({ kind: 'all' })).toBe(1);
  expect(cache!.report()).toMatchObject({ zone: 'all', store: 'memory', entries: 0, bytes: 0, misses: 4, stored: 4 });
  await fetch('/b');
  expect(server.asked).toHaveLength(5);
});

describe('what isn’t whole is not stored', () => {
  test.each([
    ['a length that isn’t kept', `HTTP/1.1 200 OK\r\n${FRESH}\r\ncontent-length: 10\r\n\r\n01234`],
    ['chunks without an end', `HTTP/1.1 200 OK\r\n${FRESH}\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n`],
  ])('%s', async (_what, said) => {
    const { client, server, fetch } = await cached(({ index, wire }) => {
      if (index > 0) return answer(200, [FRESH], 'whole');
      wire.socket.end(said);
      return undefined;
    });
    const first = client().send(get('/a'));
    expect(await first.closed).toContain('01234');
    expect((await fetch('/a')).body).toBe('whole');
    expect(server.asked).toHaveLength(2);
  });

  test('nor what its client leaves alone', async () => {
    const { client, server, fetch } = await cached();
    const first = client().send(get('/a'));
    const { wire } = await server.request(0);
    wire.send(`HTTP/1.1 200 OK\r\n${FRESH}\r\ncontent-length: 10\r\n\r\n01234`);
    await first.got('01234');
    first.socket.destroy();
    await wire.closed;
    const second = fetch('/a');
    (await server.request(1)).wire.send(answer(200, [FRESH], 'whole'));
    expect((await second).body).toBe('whole');
  });

  test('nor what is larger than it may be, though it goes through', async () => {
    const body = 'x'.repeat(100_000);
    const { fetch, server } = await cached(
      ({ target }) =>
        target === '/known'
          ? answer(200, [FRESH], body)
          : `HTTP/1.1 200 OK\r\n${FRESH}\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      { maxObject: '64KiB' },
    );
    for (const path of ['/known', '/known', '/chunks', '/chunks']) expect((await fetch(path)).body).toBe(body);
    expect(server.asked).toHaveLength(4);
  });
});
