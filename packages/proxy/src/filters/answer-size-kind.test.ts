import { expect, test } from 'vitest';
import { answering, get, linesOf, running, upstream } from '../engine/engine.fixture.ts';

async function limited(origin: string) {
  return running({ clusters: { orders: { endpoints: [origin] } }, filters: [{ type: 'answer-size', max: '10B' }] });
}

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

test.each([
  [
    'that long',
    'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789',
    /content-length: 10\r\n(?:.*\r\n)*\r\n0123456789$/,
  ],
  ['that long in chunks', `${CHUNKED}5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n`, /\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n$/],
  ['not there', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n', /^HTTP\/1\.1 304 [^]*\r\n\r\n$/],
])('a body that is %s goes on', async (_what, answer, expected) => {
  const { client } = await limited((await answering(answer)).origin);
  await client().send(get('/')).got(expected);
});

test.each([
  ['GET', get('/')],
  ['HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'],
])('one that is announced to be longer is 502 to %s', async (_method, asked) => {
  const service = await answering(
    `HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n${asked.startsWith('HEAD') ? '' : '0123456789a'}`,
  );
  const { client, telemetry } = await limited(service.origin);
  expect(await client().send(asked).got('\r\n\r\n')).toMatch(/^HTTP\/1\.1 502 /);
  expect(linesOf(telemetry)).toMatchObject([{ status: 502, code: 'ANSWER_TOO_LARGE' }]);
});

test('one that turns out to be longer is cut, and its upstream left', async () => {
  const service = await upstream();
  const { client, telemetry } = await limited(service.origin);
  const wire = client().send(get('/'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send(`${CHUNKED}5\r\n01234\r\n`);
  await wire.got('01234');
  there.send('6\r\n56789a\r\n');
  expect(await wire.closed).not.toContain('0\r\n\r\n');
  await there.closed;
  expect(linesOf(telemetry)).toMatchObject([{ status: 502, code: 'ANSWER_TOO_LARGE' }]);
});

test('what the gateway says itself may be longer', async () => {
  const { client } = await limited('http://127.0.0.1:1');
  expect(await client().send(get('/')).got('"code"')).toMatch(/UPSTREAM_UNAVAILABLE/);
});
