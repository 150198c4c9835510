import { describe, expect, test } from 'vitest';
import { get } from '../../engine/engine.fixture.ts';
import { cached, FRESH, status } from './cached-gateway.fixture.ts';
import { answer } from './origin.fixture.ts';

/** As long as a machine that has much to do may take. */
const SOON = { timeout: 20_000 };

describe('what several ask for is asked for once', () => {
  test('and they are given it as it comes, also when the first of them goes away', async () => {
    const { client, fetch, server } = await cached();
    const first = client().send(get('/a'));
    const { wire } = await server.request(0);
    const others = [client(), client()];
    for (const other of others) other.send(get('/a'));
    const head = `HTTP/1.1 200 OK\r\n${FRESH}\r\ncontent-length: 10\r\n\r\n`;
    wire.send(`${head}01234`);
    await first.got('01234');
    for (const other of others)
      expect(await other.got('01234')).toContain('cache-status: fairlead; fwd=uri-miss; collapsed');
    first.socket.destroy();
    const late = client().send(get('/a'));
    await late.got('01234');
    wire.send('56789');
    for (const other of [...others, late]) await other.got('0123456789');
    expect(status(await fetch('/a'))).toContain('hit');
    expect(server.asked).toHaveLength(1);
  });

  test('and somebody else goes on when the first of them goes away before there is a head', async () => {
    const { client, server, clock } = await cached();
    const first = client().send(get('/a'));
    await server.request(0);
    const { pending } = clock;
    const others = [client(), client()];
    for (const other of others) other.send(get('/a'));
    // Who waits has a time for it.
    await expect.poll(() => clock.pending, SOON).toBe(pending + 2);
    first.socket.destroy();
    const { wire } = await server.request(1);
    wire.send(answer(200, [FRESH], 'there'));
    for (const other of others) await other.got('there');
    expect(server.asked).toHaveLength(2);
  });

  test('but goes by itself when it isn’t stored, and doesn’t wait again for a while', async () => {
    const { client, server, fetch } = await cached(({ index }) =>
      index === 0 ? undefined : answer(200, [], String(index)),
    );
    const first = fetch('/a');
    const { wire } = await server.request(0);
    const others = [client(), client()];
    for (const other of others) other.send(get('/a'));
    wire.send(answer(200, [], 'first'));
    expect((await first).body).toBe('first');
    for (const other of others) await other.got(/\r\n\r\n[12]$/);
    expect(server.asked).toHaveLength(3);
  });

  test('or when it has waited for long enough', async () => {
    const { client, server, clock } = await cached(undefined, { wait: '2s' });
    client().send(get('/a'));
    await server.request(0);
    const other = client().send(get('/a'));
    await expect
      .poll(async () => {
        await clock.advance(2_000);
        return server.asked.length;
      }, SOON)
      .toBe(2);
    (await server.request(1)).wire.send(answer(200, [FRESH], 'itself'));
    await other.got('itself');
  });

  test('a body of unknown length is given when it is whole', async () => {
    const { client, server, fetch } = await cached();
    const first = client().send(get('/a'));
    const { wire } = await server.request(0);
    const other = client().send(get('/a'));
    wire.send(`HTTP/1.1 200 OK\r\n${FRESH}\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await first.got('abc');
    wire.send('2\r\nde\r\n0\r\n\r\n');
    expect(await other.got('abcde')).toContain('content-length: 5');
    expect(server.asked).toHaveLength(1);
    expect(status(await fetch('/a'))).toContain('hit');
  });
});

test('nothing is kept of requests that go away while they wait, for others or for the store', async () => {
  const { client, server, clock, engine } = await cached();
  const first = client().send(get('/a'));
  await server.request(0);
  const { pending } = clock;
  const others = [client(), client()];
  for (const other of others) other.send(get('/a'));
  await expect.poll(() => clock.pending, SOON).toBe(pending + 2);
  for (const other of [...others, first]) other.socket.destroy();
  await expect.poll(() => clock.pending, SOON).toBeLessThanOrEqual(pending);
  const [cache] = engine.caches;
  expect(cache!.report().underWay).toBe(0);
});
