import { realTurn } from '@fairlead/core';
import { RequestReader } from '@fairlead/net';
import { expect, test } from 'vitest';
import { bothWays, answering, get, linesOf, OK, running, upstream } from './engine.fixture.ts';

bothWays(() => {
  test('a request goes on with where it came from, and without what was for this hop or is the edge’s to say', async () => {
    const service = await answering(OK);
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const said = [
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'TE: trailers',
      'X-Real-IP: 1.2.3.4',
      'X-Fairlead-Tenant: a',
    ];
    await client()
      .send(get('/orders/7?a=b', 'Accept: */*', ...said))
      .got('ok');
    const [seen = ''] = (await service.socket(0)).text.split('\r\n\r\n');
    expect(
      seen
        .replace(/traceparent: .*/, 'traceparent: _')
        .replace(/x-request-id: .*/, 'x-request-id: _')
        .split('\r\n'),
    ).toEqual([
      'GET /orders/7?a=b HTTP/1.1',
      `host: ${new URL(service.origin).host}`,
      'Accept: */*',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-proto: http',
      'x-forwarded-host: shop.test',
      'traceparent: _',
      'x-request-id: _',
      // Said anew: the proxy takes what its client takes.
      'connection: te',
      'te: trailers',
    ]);
  });

  test('requests that came in one piece are answered in their order, over one connection', async () => {
    const service = await answering(OK);
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const wire = client().send(get('/1') + get('/2') + get('/3', 'Connection: close'));
    expect((await wire.closed).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect((await service.socket(0)).text.match(/GET \/\d/g)).toEqual(['GET /1', 'GET /2', 'GET /3']);
    expect(service.sockets).toHaveLength(1);
  });

  test('chunks are framed anew, and their extensions and unannounced trailers go no further', async () => {
    const service = await upstream();
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const chunked = '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n';
    const wire = client().send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`);
    const there = await service.socket(0);
    const seen = await there.got('0\r\n\r\n');
    expect(seen).not.toMatch(/a=b|trailer/i);
    expect(seen.slice(seen.indexOf('\r\n\r\n') + 4)).toBe('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
    there.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`);
    const answer = await wire.got('0\r\n\r\n');
    expect(answer).not.toMatch(/a=b|trailer/i);
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
  });

  test('an answer that ends with its connection is framed for a client that keeps its own', async () => {
    const service = await upstream((wire) => {
      wire.socket.once('data', () => wire.send('HTTP/1.1 200 OK\r\n\r\nall').socket.end());
    });
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const wire = client().send(get('/'));
    expect(await wire.got('0\r\n\r\n')).toMatch(/transfer-encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n$/);
  });

  test.each([
    [
      'to HEAD',
      'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n',
      /content-length: 5\r\n\r\n$/,
    ],
    [
      '204',
      get('/'),
      'HTTP/1.1 204 No Content\r\n\r\n',
      /^HTTP\/1\.1 204 No Content\r\n(?!.*content-length)[^]*\r\n\r\n$/,
    ],
    [
      '304',
      get('/'),
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: "a"\r\n\r\n',
      /etag: "a"[^]*content-length: 5\r\n\r\n$/,
    ],
  ])(
    'an answer %s has no body, whatever it says of its length, and its connections live on',
    async (_what, asked, answer, expected) => {
      const service = await answering(answer);
      const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
      const wire = client().send(asked);
      await wire.got(expected);
      await wire.clear().send(asked).got(expected);
      expect(service.sockets).toHaveLength(1);
    },
  );

  test('early hints go on before the answer, other provisional answers stay here', async () => {
    const service = await upstream();
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const wire = client().send(get('/'));
    const there = await service.socket(0);
    await there.got('\r\n\r\n');
    there.send('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n');
    await wire.got('HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n');
    there.send(OK);
    expect(await wire.got('ok')).not.toContain('102');
  });

  test('events leave at once, one by one', async () => {
    const service = await upstream();
    const { client } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    const wire = client().send(get('/events'));
    const there = await service.socket(0);
    await there.got('\r\n\r\n');
    // Who waits for events is told that they will come.
    there.send('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
    await wire.got(/text\/event-stream[^]*\r\n\r\n$/);
    there.send('9\r\ndata: 1\n\n\r\n');
    await wire.got('data: 1\n\n');
    there.send('9\r\ndata: 2\n\n\r\n');
    await wire.got('data: 2\n\n');
  });

  test('a kept connection that has died is replaced for a request that may be sent twice, and for no other', async () => {
    let count = 0;
    const service = await upstream((wire, index) => {
      wire.socket.on('data', () => {
        count += 1;
        // The first connection is good for one answer only.
        if (index === 0 && count > 1) wire.socket.destroy();
        else wire.send(OK);
      });
    });
    const { client, telemetry } = await running({ clusters: { orders: { endpoints: [service.origin] } } });
    await client().send(get('/1')).got('ok');
    await client().send(get('/2')).got('ok');
    expect(service.sockets).toHaveLength(2);
    (await service.socket(1)).socket.removeAllListeners('data').once('data', function (this: { destroy(): void }) {
      this.destroy();
    });
    const post = client().send('POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx');
    expect(await post.got('"processed":"maybe"')).toMatch(/^HTTP\/1\.1 502 [^]*UPSTREAM_RESET/);
    expect(service.sockets).toHaveLength(2);
    expect(linesOf(telemetry)).toMatchObject([
      { status: 200 },
      { status: 200 },
      { status: 502, code: 'UPSTREAM_RESET' },
    ]);
  });

  test('a body that waits for nothing is sent with its head; a larger one streams, and an answer may come before its end', async () => {
    const service = await upstream();
    const { client } = await running({
      clusters: { orders: { endpoints: [service.origin] } },
      routes: [{ name: 'all', to: 'orders', maxBody: '64MiB' }],
    });
    const wire = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    const there = await service.socket(0);
    await there.got(/content-length: 5\r\n\r\nhello$/);
    there.send(OK);
    await wire.got('ok');
    wire.clear().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nhello');
    await there.got(/content-length: 10000000\r\n\r\nhello$/);
    there.send('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    expect(await wire.closed).toMatch(/^HTTP\/1\.1 403 [^]*connection: close\r\n[^]*no$/);
  });

  test('large bodies that come at the same time reach their upstreams as they were, however slow those are', async () => {
    const service = await upstream((there) => void there.socket.pause());
    const { client } = await running({
      clusters: { orders: { endpoints: [service.origin] } },
      routes: [{ name: 'all', to: 'orders', maxBody: '64MiB' }],
    });
    const bodies = ['a', 'b', 'c'].map((letter) =>
      Array.from({ length: 200_000 }, (_, at) => `${letter}${at}`).join(''),
    );
    for (const [at, body] of bodies.entries()) {
      const head = `POST /${body[0]} HTTP/1.1\r\nHost: a\r\n`;
      const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      if (at === 0) client().send(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
      else client().send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    }
    const there = await Promise.all(bodies.map((_, at) => service.socket(at)));
    await realTurn();
    for (const { socket } of there) socket.resume();
    const came = await Promise.all(there.map(async (wire) => bodyOf(await wire.got(/199999(?:\r\n0\r\n\r\n)?$/))));
    expect(came.toSorted().map((body) => body.length)).toEqual(bodies.map((body) => body.length));
    expect(came.toSorted()).toEqual(bodies);
  });

  test('what nobody listens to is 503, and no connection is made again without being asked', async () => {
    const { client } = await running({ clusters: { orders: { endpoints: ['http://127.0.0.1:1'] } } });
    const answer = await client().send(get('/')).got('"processed":"no"');
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*UPSTREAM_UNAVAILABLE/);
  });

  test('a filter that throws ends its request, not the engine', async () => {
    const service = await answering(OK);
    const kinds = [
      {
        type: 'broken',
        schema: (await import('zod')).z.object({ type: (await import('zod')).z.literal('broken') }),
        explain: () => 'breaks',
        make: () => ({
          type: 'broken',
          request: ({ path }: { readonly path: string }) => {
            if (path === '/now') throw new Error('secret');
            return path === '/later' ? Promise.reject(new Error('secret')) : undefined;
          },
        }),
      },
    ];
    const { client } = await running(
      { clusters: { orders: { endpoints: [service.origin] } }, filters: [{ type: 'broken' }] },
      { kinds },
    );
    const wire = client();
    for (const path of ['/now', '/later']) {
      expect(await wire.clear().send(get(path)).got('"code":"INTERNAL"')).toMatch(/^HTTP\/1\.1 500 (?![^]*secret)/);
    }
    await wire.clear().send(get('/fine')).got('ok');
  });

  test('what is told of a request whose body never came is what its client was told', async () => {
    const service = await upstream();
    const { client, clock, telemetry } = await running({
      clusters: { orders: { endpoints: [service.origin] } },
      routes: [{ name: 'all', to: 'orders', timeout: '2s' }],
    });
    const wire = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
    await (await service.socket(0)).got('half');
    await clock.advance(2_000);
    expect(await wire.got('"processed"')).toMatch(/^HTTP\/1\.1 504 [^]*UPSTREAM_TIMEOUT/);
    expect(linesOf(telemetry)).toMatchObject([{ status: 504, code: 'UPSTREAM_TIMEOUT' }]);
  });
});

/** The body of a request, without its frame. */
function bodyOf(request: string): string {
  const reader = new RequestReader();
  reader.add(Buffer.from(request, 'latin1'));
  let body = '';
  for (let step = reader.read(); step !== 'end'; step = reader.read()) {
    if (step === 'data') body += reader.data.toString('latin1');
  }
  return body;
}
