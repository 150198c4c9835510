import { realTurn } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { bothWays, Client, get, listening } from './raw-client.fixture.ts';

bothWays(() => {
  /** A body of these parts. */
  function parts(...texts: string[]): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull(controller) {
        const text = texts.shift();
        if (text === undefined) controller.close();
        else controller.enqueue(Buffer.from(text));
      },
    });
  }

  describe('a streamed answer', () => {
    test('comes in chunks, or by its length when it says one, and the connection lives on', async () => {
      const server = await listening(async (request) => {
        const bodyBytes = request.head.target === '/known' ? 5 : undefined;
        await request.answerStream({ status: 200, fields: { 'x-a': 'b' }, body: parts('hel', '', 'lo'), bodyBytes });
      });
      const client = new Client(server).send(get('/') + get('/known') + get('/known', 'Connection: close'));
      const text = (await client.closed).replaceAll(/date: [^\r]*\r\n/g, '');
      expect(text).toBe(
        'HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n' +
          'HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 5\r\n\r\nhello' +
          'HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
      );
    });

    test('ends with the connection for HTTP/1.0', async () => {
      const server = await listening(async (request) => {
        await request.answerStream({ status: 200, fields: {}, body: parts('a', 'b') });
      });
      expect(await new Client(server).send('GET / HTTP/1.0\r\n\r\n').closed).toMatch(/connection: close\r\n\r\nab$/);
    });

    test('is let go of unread for HEAD', async () => {
      let isCancelled = false;
      const server = await listening(async (request) => {
        const body = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
        await request.answerStream({ status: 200, fields: {}, body, bodyBytes: 7 });
      });
      const client = new Client(server).send(get('/', 'Connection: close').replace('GET', 'HEAD'));
      expect(await client.closed).toMatch(/content-length: 7\r\nconnection: close\r\n\r\n$/);
      expect(isCancelled).toBe(true);
    });

    test.each([
      [
        'fails',
        () => new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error('torn')) }),
        undefined,
        'torn',
      ],
      ['is longer than it said', () => parts('hello', 'more'), 5, 'not as long'],
      ['is shorter than it said', () => parts('hell'), 5, 'not as long'],
    ])('whose body %s breaks the connection', async (_what, body, bodyBytes, message) => {
      const failed = Promise.withResolvers<unknown>();
      const server = await listening(async (request) => {
        await request.answerStream({ status: 200, fields: {}, body: body(), bodyBytes }).catch(failed.resolve);
      });
      expect(await new Client(server).send(get('/')).closed).not.toMatch(/0\r\n\r\n$/);
      expect(String(await failed.promise)).toContain(message);
    });

    test('is let go of when the client goes away, although its body never comes', async () => {
      const cancelled = Promise.withResolvers<void>();
      const sent = Promise.withResolvers<boolean>();
      const server = await listening(async (request) => {
        const body = new ReadableStream<Uint8Array>({
          pull: () => new Promise(() => {}),
          cancel: () => cancelled.resolve(),
        });
        sent.resolve(await request.answerStream({ status: 200, fields: {}, body }));
      });
      const client = new Client(server).send(get('/'));
      await client.got('chunked');
      client.socket.destroy();
      await cancelled.promise;
      expect(await sent.promise).toBe(false);
    });

    test('is cut by its signal', async () => {
      const cut = new AbortController();
      const server = await listening(async (request) => {
        const body = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
        await request.answerStream({ status: 200, fields: {}, body, signal: cut.signal });
      });
      const client = new Client(server).send(get('/'));
      await client.got('chunked');
      cut.abort();
      expect(await client.closed).not.toContain('0\r\n\r\n');
    });

    test('is made no faster than the client reads it, and leaves others their turn', async () => {
      let made = 0;
      const server = await listening(async (request) => {
        if (request.head.target === '/other') return request.answer(200, {}, 'other');
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            made += 1;
            controller.enqueue(Buffer.alloc(request.head.target === '/tiny' ? 1 : 16_384));
          },
        });
        await request.answerStream({ status: 200, fields: {}, body });
      });
      const tiny = new Client(server).send(get('/tiny'));
      // A body that never has to wait, of parts too small to fill any buffer soon.
      await tiny.got('chunked');
      await new Client(server).send(get('/other')).got('other');
      tiny.socket.destroy();
      const slow = new Client(server);
      slow.socket.pause();
      slow.send(get('/slow'));
      let before = -1;
      while (before !== made) {
        before = made;
        for (let turn = 0; turn < 50; turn += 1) await realTurn();
      }
      // The kernel's buffers take some of it.
      expect(made).toBeLessThan(100_000);
    });
  });

  test('a large whole answer is sent in parts', async () => {
    const server = await listening((request) => request.answer(200, {}, 'é'.repeat(1_000_000)));
    const client = new Client(server).send(get('/', 'Connection: close'));
    const text = await client.closed;
    expect(text).toContain('content-length: 2000000\r\n');
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toHaveLength(2_000_000);
  });

  test('a body is read at the pace of its reader', async () => {
    const go = Promise.withResolvers<void>();
    const server = await listening(async (request) => {
      let size = 0;
      await go.promise;
      for await (const part of request.stream()) size += part.length;
      request.answer(200, {}, String(size));
    });
    const size = 40_000_000;
    const client = new Client(server).send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.socket.write(Buffer.alloc(size));
    let before = -1;
    while (before !== client.socket.bytesRead + client.socket.writableLength || before === 0) {
      before = client.socket.bytesRead + client.socket.writableLength;
      for (let turn = 0; turn < 50; turn += 1) await realTurn();
    }
    expect(client.socket.writableLength).toBeGreaterThan(0);
    go.resolve();
    await client.got(String(size));
  });

  test('what could not be sent can be answered otherwise', async () => {
    const server = await listening(async (request) => {
      expect(() => request.answer(200, { a: 'b\nc' }, '')).toThrow('control character');
      await expect(request.answerStream({ status: 200, fields: { a: '\n' }, body: parts('x') })).rejects.toThrow(
        'control',
      );
      request.answer(500, {}, 'sorry');
    });
    await new Client(server).send(get('/')).got('sorry');
  });
});
