import { realTurn, virtualClock } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { bothWays, Client, echoPath, get, listening } from './raw-client.fixture.ts';
import type { ServerRequest } from './server-request.ts';

bothWays(() => {
  describe('time', () => {
    const limits = { idleTimeoutMs: 4_000, headTimeoutMs: 2_000, bodyTimeoutMs: 3_000, readerTimeoutMs: 5_000 };
    /** Lets what is under way on sockets arrive. */
    const settle = async (isThere: () => boolean) => {
      while (!isThere()) await realTurn();
    };

    test('ends an idle connection, silently', async () => {
      const clock = virtualClock();
      const server = await listening(echoPath, { limits, clock });
      const client = new Client(server).send(get('/a'));
      await client.got('at /a');
      await clock.advance(3_900);
      expect(server.connections).toBe(1);
      await clock.advance(1_100);
      expect(await client.closed).toMatch(/at \/a$/);
    });

    test('ends a head that drips in', async () => {
      const clock = virtualClock();
      const server = await listening(() => expect.unreachable(), { limits: { ...limits, idleTimeoutMs: 0 }, clock });
      const client = new Client(server);
      for (const letter of 'GET / HTTP') {
        client.send(letter);
        await realTurn();
        await clock.advance(500);
      }
      // However late the letters came: without another one the head has its time.
      while (client.text === '') {
        await realTurn();
        await clock.advance(500);
      }
      expect(await client.closed).toMatch(/^HTTP\/1\.1 408 [^]*HTTP_TIMEOUT$/);
    });

    test('ends a body that drips in, telling whoever waits for it', async () => {
      const clock = virtualClock();
      const reached = Promise.withResolvers<void>();
      const server = await listening(
        (request) => {
          void Promise.resolve(request.body(100)).catch((error: { code: string }) =>
            request.answer(408, {}, error.code),
          );
          reached.resolve();
        },
        { limits, clock },
      );
      const client = new Client(server).send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n');
      await reached.promise;
      for (let turn = 0; turn < 8; turn += 1) {
        client.send('x');
        await clock.advance(500);
      }
      expect(await client.closed).toMatch(/^HTTP\/1\.1 408 [^]*HTTP_TIMEOUT$/);
    });

    test('does not end work that takes long', async () => {
      const clock = virtualClock();
      const asked = Promise.withResolvers<ServerRequest>();
      const server = await listening((request) => asked.resolve(request), { limits, clock });
      const client = new Client(server).send(get('/'));
      const request = await asked.promise;
      await clock.advance(600_000);
      request.answer(200, {}, 'at last');
      await client.got('at last');
    });

    test('ends a connection whose client does not read, which holds no more than it must', async () => {
      const clock = virtualClock();
      let count = 0;
      const server = await listening(
        (request) => {
          count += 1;
          request.answer(200, {}, 'x'.repeat(60_000));
        },
        { limits, clock },
      );
      const client = new Client(server);
      client.socket.pause();
      client.send(get('/').repeat(2_000));
      await settle(() => count > 0);
      let before = -1;
      while (before !== count) {
        before = count;
        for (let turn = 0; turn < 50; turn += 1) await realTurn();
      }
      // The kernel's buffers take some of the answers; the rest is not made.
      expect(count).toBeLessThan(2_000);
      await clock.advance(10_000);
      await settle(() => server.connections === 0);
    });
  });

  test('a client that sends on while its request is worked on has to wait', async () => {
    const asked = Promise.withResolvers<ServerRequest>();
    const server = await listening((request) => asked.resolve(request));
    const client = new Client(server).send(get('/'));
    await asked.promise;
    client.send(get('/').repeat(1_000_000));
    let before = -1;
    while (before !== client.socket.writableLength) {
      before = client.socket.writableLength;
      for (let turn = 0; turn < 50; turn += 1) await realTurn();
    }
    // The kernel's buffers take some of it; we don't take the rest.
    expect(before).toBeGreaterThan(0);
  });

  test('more connections than are allowed are closed', async () => {
    const server = await listening(echoPath, { limits: { maxConnections: 1 } });
    const first = new Client(server).send(get('/1'));
    await first.got('at /1');
    expect(await new Client(server).send(get('/2')).closed).toBe('');
    await first.send(get('/3')).got('at /3');
  });

  describe('draining', () => {
    test('closes idle connections, lets requests under way finish, and accepts no more', async () => {
      const asked = Promise.withResolvers<ServerRequest>();
      const server = await listening((request) =>
        request.head.target === '/slow' ? asked.resolve(request) : echoPath(request),
      );
      const idle = new Client(server).send(get('/idle'));
      await idle.got('at /idle');
      const slow = new Client(server).send(get('/slow'));
      const request = await asked.promise;
      server.drain();
      await idle.closed;
      const closed = server.close({ graceMs: 600_000 });
      request.answer(200, {}, 'finished');
      expect(await slow.closed).toMatch(/connection: close\r\n\r\nfinished$/);
      await closed;
      expect(await new Client(server).closed).toBe('');
    });

    test('lets answers leave that wait for their turn', async () => {
      const server = await listening((request) => {
        if (request.head.target === '/held') return;
        request.answer(200, {}, 'given');
        server.drain();
      });
      const held = new Client(server).send(get('/held'));
      while (server.connections < 1) await realTurn();
      const client = new Client(server).send(get('/'));
      expect(await client.closed).toMatch(/given$/);
      held.socket.destroy();
    });

    test('cuts what has not finished', async () => {
      const clock = virtualClock();
      const asked = Promise.withResolvers<void>();
      const server = await listening(() => asked.resolve(), { clock });
      const client = new Client(server).send(get('/'));
      await asked.promise;
      const closed = server.close({ graceMs: 1_000 });
      await clock.advance(1_000);
      await closed;
      expect(await client.closed).toBe('');
      await server.close();
    });
  });
});
