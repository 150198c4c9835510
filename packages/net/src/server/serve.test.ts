import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realTurn, virtualClock } from '@fairlead/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bothWays, Client, echoPath, get, listening, type Handler } from './raw-client.fixture.ts';
import { serve } from './serve.ts';
import type { ServerRequest } from './server-request.ts';

bothWays(() => {
  const undated = (text: string) => text.replaceAll(/date: [^\r]*\r\n/g, '');

  test('an answer has its status, date, fields and length, over TCP and over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fl-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const clock = virtualClock({ startMs: Date.UTC(2026, 0, 2, 3, 4, 5) });
    const unix = await listening(echoPath, { clock, listen: { path: join(folder, 's') } });
    for (const server of [unix, await listening(echoPath, { clock })]) {
      expect(await new Client(server).send(get('/a')).got('at /a')).toBe(
        'HTTP/1.1 200 OK\r\nx-path: /a\r\ndate: Fri, 02 Jan 2026 03:04:05 GMT\r\ncontent-length: 5\r\n\r\nat /a',
      );
    }
  });

  test('requests that come together are answered one at a time, in their order', async () => {
    const waiting: ServerRequest[] = [];
    const server = await listening((request) => void waiting.push(request));
    const client = new Client(server).send(get('/1') + get('/2') + get('/3', 'Connection: close') + get('/4'));
    for (const path of ['/1', '/2', '/3']) {
      while (waiting.length === 0) await realTurn();
      expect(waiting).toHaveLength(1);
      const request = waiting.pop();
      expect(request?.head.target).toBe(path);
      request?.answer(200, {}, path);
    }
    expect(undated(await client.closed)).toBe(
      ['/1', '/2'].map((path) => `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${path}`).join('') +
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n/3',
    );
    expect(waiting).toHaveLength(0);
  });

  test('hundreds of requests in one write are all answered, in order, also with bodies of some size', async () => {
    const body = 'x'.repeat(5_000);
    const server = await listening((request) => request.answer(200, { 'x-path': request.head.target }, body));
    const paths = Array.from({ length: 300 }, (_, index) => `/${index}`);
    const client = new Client(server).send(paths.map((path) => get(path)).join(''));
    await client.got(/x-path: \/299\r\n[^]*\r\n\r\nx{5000}$/);
    expect([...client.text.matchAll(/x-path: (\S+)/g)].map((match) => match[1])).toEqual(paths);
  });

  test('bytes beyond ASCII are as many as the length says', async () => {
    const server = await listening((request) => request.answer(200, { 'x-name': 'Zoë' }, 'Ψ and é'));
    const text = await new Client(server).send(get('/', 'Connection: close')).closed;
    expect(text).toContain('x-name: Zoë\r\n');
    expect(text).toContain('content-length: 9\r\n');
    expect(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').toString('utf8')).toBe('Ψ and é');
  });

  test('HEAD, 204 and 304 have no body', async () => {
    const server = await listening((request) => request.answer(Number(request.head.target.slice(1)), {}, 'body'));
    const client = new Client(server).send(
      get('/200').replace('GET', 'HEAD') + get('/204') + get('/304') + get('/200', 'Connection: close'),
    );
    expect(undated(await client.closed)).toBe(
      'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n' +
        'HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody',
    );
  });

  test('an HTTP/1.0 client is answered and let go', async () => {
    const server = await listening(echoPath);
    const text = await new Client(server).send('GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').closed;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nat \/old$/);
  });

  describe('a whole body', () => {
    const echo: Handler = async (request) => {
      try {
        request.answer(200, {}, await request.body(100));
      } catch (error) {
        request.answer(400, {}, String(error instanceof Error && 'code' in error ? error.code : error));
      }
    };

    test('that arrives with the head is there at once', async () => {
      const kinds: boolean[] = [];
      const server = await listening((request) => {
        const body = request.body(100);
        kinds.push(body instanceof Promise);
        void Promise.resolve(body).then((bytes) => request.answer(200, {}, bytes));
      });
      const client = new Client(server);
      client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
      await client.got('hello');
      expect(kinds).toEqual([false]);
    });

    test('in pieces or chunks is joined, and the next request follows', async () => {
      const server = await listening(echo);
      const client = new Client(server).send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel');
      await realTurn();
      client.send('lo');
      await realTurn();
      client.send('there');
      await client.got('hellothere');
      client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n');
      await realTurn();
      client.send(`3\r\ncde\r\n0\r\n\r\n${get('/next', 'Connection: close')}`);
      expect(await client.closed).toMatch(/abcde[^]*HTTP\/1\.1 200 OK[^]*connection: close\r\n\r\n$/);
    });

    test.each([
      ['by its length', 'Content-Length: 101\r\n\r\n'],
      ['by its chunks', `Transfer-Encoding: chunked\r\n\r\n32\r\n${'x'.repeat(50)}\r\n33\r\n${'x'.repeat(51)}\r\n`],
    ])(
      'that is too large %s is refused, and the answer arrives although the client goes on sending',
      async (_what, rest) => {
        const server = await listening(echo);
        const client = new Client(server).send(`PUT / HTTP/1.1\r\nHost: a\r\n${rest}`);
        for (let index = 0; index < 20; index += 1) client.send('y'.repeat(10_000));
        expect(await client.closed).toMatch(/^HTTP\/1\.1 400 [^]*connection: close\r\n\r\nHTTP_BODY_TOO_LARGE$/);
      },
    );

    test.each(['body', 'stream', 'arrived'] as const)(
      'taken by %s stays what it was, whatever comes later',
      async (how) => {
        const taken: Promise<Buffer>[] = [];
        const server = await listening((request) => {
          const body =
            how === 'stream'
              ? new Response(request.stream()).bytes().then((bytes) => Buffer.from(bytes))
              : ((how === 'arrived' ? request.arrived(100_000) : undefined) ?? request.body(100_000));
          taken.push(Promise.resolve(body));
          void taken.at(-1)?.then(() => request.answer(200, {}, 'ok'));
        });
        const put = (body: string): string =>
          `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        const [one, other] = [new Client(server), new Client(server)];
        const bodies = ['a', 'b'].flatMap((letter) => [letter.repeat(50), letter.repeat(30_000)]);
        for (const body of bodies)
          await one
            .send(put(body))
            .got(/ok$/)
            .then(() => (one.text = ''));
        await other.send(put('z'.repeat(60_000))).got('ok');
        expect((await Promise.all(taken.slice(0, 4))).map((bytes) => bytes.toString('latin1'))).toEqual(bodies);
      },
    );

    test('that is malformed is told to whoever waits for it', async () => {
      const server = await listening(echo);
      const client = new Client(server).send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      await realTurn();
      expect(await client.send('5\nhello').closed).toMatch(/connection: close\r\n\r\nHTTP_MALFORMED$/);
    });

    test('whose client goes away ends with HTTP_INCOMPLETE', async () => {
      const code = Promise.withResolvers<unknown>();
      const server = await listening((request) => {
        void Promise.resolve(request.body(100)).catch((error: unknown) => code.resolve(error));
        client.socket.destroy();
      });
      const client = new Client(server).send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
      expect(await code.promise).toMatchObject({ code: 'HTTP_INCOMPLETE' });
    });

    test('that nobody asks for is passed over when it is small, and ends the connection when it is not', async () => {
      const server = await listening(echoPath);
      const client = new Client(server).send('PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
      await client.got('at /small');
      client.send(`hello${get('/next')}`);
      await client.got('at /next');
      client.send('PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
      expect(await client.closed).toMatch(/connection: close\r\n\r\nat \/large$/);
    });

    test('is given once', async () => {
      const seen = Promise.withResolvers<unknown>();
      const server = await listening(async (request) => {
        await request.body(100);
        seen.resolve(await Promise.resolve(request.body(100)).catch((error: unknown) => error));
        request.answer(200, {}, '');
      });
      new Client(server).send(get('/'));
      expect(await seen.promise).toMatchObject({ code: 'BODY_TAKEN' });
    });

    test('that waits to be asked for is asked for once it is wanted', async () => {
      const wanted = Promise.withResolvers<void>();
      const server = await listening(async (request) => {
        await wanted.promise;
        await echo(request);
      });
      const client = new Client(server).send(
        'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
      );
      for (let turn = 0; turn < 5; turn += 1) await realTurn();
      expect(client.text).toBe('');
      wanted.resolve();
      await client.got('HTTP/1.1 100 Continue\r\n\r\n');
      await client.send('hello').got(/\r\n\r\nhello$/);
    });

    test.each(['5\r\nhel', '5'])('that has begun to arrive, with %o, is not asked for', async (beginning) => {
      const begun = Promise.withResolvers<void>();
      const server = await listening(async (request) => {
        const done = echo(request);
        begun.resolve();
        await done;
      });
      const client = new Client(server).send(
        `PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n${beginning}`,
      );
      await begun.promise;
      client.send(`${'5\r\nhello'.slice(beginning.length)}\r\n0\r\n\r\n`);
      expect(await client.got('hello')).toMatch(/^HTTP\/1\.1 200 /);
    });

    test('that waits to be asked for and is not wanted ends the connection', async () => {
      const server = await listening(echoPath);
      const client = new Client(server).send(
        'PUT /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
      );
      expect(await client.closed).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r\n\r\nat \/no$/);
    });
  });

  test.each([
    ['no HTTP', 'nonsense\r\n\r\n', 'HTTP_MALFORMED'],
    ['a TLS greeting', '\x16\x03\x01\x02', 'HTTP_MALFORMED'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP_VERSION_UNSUPPORTED'],
  ])('%s is refused and the connection closed', async (_what, text, code) => {
    const server = await listening(() => expect.unreachable());
    expect(await new Client(server).send(text).closed).toMatch(
      new RegExp(`^HTTP/1\\.1 400 Bad Request\\r\\n[^]*connection: close\\r\\n\\r\\n${code}$`),
    );
  });

  test('a malformed request after a good one does not cost the good one its answer', async () => {
    const server = await listening(echoPath);
    const text = await new Client(server).send(`${get('/good')}bad\r\n\r\n`).closed;
    expect(text).toMatch(/at \/goodHTTP\/1\.1 400 [^]*HTTP_MALFORMED$/);
  });

  test('the offer of another protocol is passed over', async () => {
    const server = await listening(echoPath);
    // What comes with it may be of that protocol.
    const eager = new Client(server).send(get('/ws', 'Connection: Upgrade', 'Upgrade: websocket') + get('/then'));
    expect(await eager.closed).toMatch(/connection: close\r\n\r\nat \/ws$/);
    const client = new Client(server).send(get('/ws', 'Connection: Upgrade', 'Upgrade: websocket'));
    await client.got(/^HTTP\/1\.1 200 [^]*at \/ws$/);
    await client.send(get('/after')).got('at /after');
  });

  describe('a client that goes away', () => {
    test.each([
      ['by cutting the connection', (client: Client) => void client.socket.resetAndDestroy()],
      ['by ending it', (client: Client) => void client.socket.end()],
    ])('%s is told to whoever works for it, and an answer is dropped', async (_how, leave) => {
      const gone = Promise.withResolvers<ServerRequest>();
      const server = await listening((request) => {
        request.onGone(() => gone.resolve(request));
        leave(client);
      });
      const client = new Client(server).send(get('/'));
      const request = await gone.promise;
      expect(request.isGone).toBe(true);
      request.answer(200, {}, 'too late');
      expect(await client.closed).toBe('');
    });

    test('after its answer was given is nobody’s news', async () => {
      let isTold = false;
      const server = await listening((request) => {
        request.onGone(() => (isTold = true));
        request.answer(200, {}, 'done');
      });
      const client = new Client(server).send(get('/'));
      await client.got('done');
      client.socket.destroy();
      await client.closed;
      while (server.connections > 0) await realTurn();
      expect(isTold).toBe(false);
    });
  });

  test('an address that is taken is UNAVAILABLE', async () => {
    const server = await listening(echoPath);
    const port = Number(new URL(server.url).port);
    const again = serve({
      listen: { host: '127.0.0.1', port },
      clock: realClock(),
      onRequest: () => {},
      refusal: () => ({ status: 400, fields: {}, body: '' }),
    });
    await expect(again).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
