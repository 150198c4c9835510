import { expect, test } from 'vitest';
import { get, OK, running, upstream, type Wire } from '../engine/engine.fixture.ts';

const MOST = 8_192;

/** An upstream that says the same before its answer, again and again, as fast as it is taken. */
async function saying(provisional: string) {
  const state = { said: 0 };
  const service = await upstream((wire: Wire) => {
    const pour = (): void => {
      while (!wire.socket.destroyed && state.said < MOST) {
        state.said += 1;
        if (!wire.socket.write(provisional)) {
          wire.socket.once('drain', pour);
          return;
        }
      }
      if (!wire.socket.destroyed) wire.send(OK);
    };
    wire.socket.once('data', pour);
  });
  return { service, state };
}

test.each([
  ['hints', `HTTP/1.1 103 Early Hints\r\nlink: </${'a'.repeat(8_000)}>\r\n\r\n`],
  ['leaves to go on', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['signs of life', `HTTP/1.1 102 Processing\r\nx-a: ${'a'.repeat(8_000)}\r\n\r\n`],
])('a flood of %s before an answer is no answer, and piles up nowhere', async (_what, provisional) => {
  const { service } = await saying(provisional);
  const { client } = await running({
    clusters: { talker: { endpoints: [service.origin] } },
    routes: [{ name: 'all', to: 'talker', timeout: '0s' }],
  });
  const wire = client().send(get('/'));
  const answer = await wire.got(/"code":"UPSTREAM_INVALID"/);
  // What came before is bounded by what one head may be.
  expect(answer.length).toBeLessThan(300 * 1024);
  expect(answer).toContain('HTTP/1.1 502 ');
  await (
    await service.socket(0)
  ).closed;
});

test('a few hints go on, each once', async () => {
  const service = await upstream((wire) => {
    wire.socket.once('data', () => wire.send('HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n'.repeat(3) + OK));
  });
  const { client } = await running({ clusters: { hints: { endpoints: [service.origin] } } });
  const answer = await client().send(get('/', 'Connection: close')).closed;
  expect(answer.match(/HTTP\/1\.1 103 /g)).toHaveLength(3);
  expect(answer).toMatch(/HTTP\/1\.1 200 [^]*ok$/);
});

test('a client of HTTP/1.0 hears of no hints', async () => {
  const service = await upstream((wire) => {
    wire.socket.once('data', () => wire.send(`HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n${OK}`));
  });
  const { client } = await running({ clusters: { hints: { endpoints: [service.origin] } } });
  const answer = await client().send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').closed;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});
