import { expect, test } from 'vitest';
import { get, linesOf, OK, running, upstream } from './engine.fixture.ts';

const FAULT = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\noops';

async function failing(times: number, policy: object, answer = FAULT) {
  let asked = 0;
  const service = await upstream((wire) => {
    wire.socket.on('data', () => {
      asked += 1;
      wire.send(asked <= times ? answer : OK);
    });
  });
  const world = await running({ clusters: { orders: { endpoints: [service.origin], policy } } }, { isReal: true });
  return { ...world, service, asked: () => asked };
}

test('a request that may be sent twice is, when its answer is a failure, and the client sees the good one', async () => {
  const { client, asked } = await failing(2, { retry: {} });
  const answer = await client().send(get('/')).got('ok');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).not.toContain('oops');
  expect(asked()).toBe(3);
});

test('when all attempts fail, the last answer goes through as it is', async () => {
  const { client, asked, telemetry } = await failing(99, { retry: {} });
  const wire = client();
  expect(await wire.send(get('/')).got('oops')).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
  expect(asked()).toBeGreaterThan(1);
  await expect.poll(() => linesOf(telemetry)).toMatchObject([{ status: 502 }]);
});

test('one that may not be sent twice is not, and its failure goes through', async () => {
  const { client, asked } = await failing(1, { retry: {} });
  const answer = await client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx').got('oops');
  expect(answer).toMatch(/^HTTP\/1\.1 502 /);
  expect(asked()).toBe(1);
});

test('a body that is here as a whole is sent again with its request', async () => {
  const { client, service, asked } = await failing(1, { retry: {} });
  await client().send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody').got('ok');
  expect(asked()).toBe(2);
  const seen = service.sockets.map(({ text }) => text).join('');
  expect(seen.match(/content-length: 4\r\n\r\nbody/g)).toHaveLength(2);
});

test('a breaker that has opened turns requests away, and tells nobody what it has measured', async () => {
  const { client, asked } = await failing(99, { breaker: { window: 4, openFor: '60s', openJitter: '0%', probes: 1 } });
  for (let count = 0; count < 4; count += 1) await client().send(get('/')).got('oops');
  const refused = await client().send(get('/')).got('OVERLOADED');
  expect(refused).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: \d+/);
  expect(refused).not.toMatch(/window|ratio|measured/);
  expect(asked()).toBe(4);
});

test('a client that goes away while its answer is held back leaves nothing behind', async () => {
  const { client, telemetry, asked } = await failing(99, {
    retry: { backoff: { growth: 'constant', base: '5s', jitter: 'none' } },
  });
  const wire = client().send(get('/'));
  await expect.poll(asked).toBe(1);
  wire.socket.destroy();
  await expect.poll(() => linesOf(telemetry)).toMatchObject([{ status: 499, code: 'CANCELLED' }]);
});

test('an attempt that takes too long is given up, and the next one is asked', async () => {
  const slow = await upstream();
  const { client } = await running(
    { clusters: { orders: { endpoints: [slow.origin], policy: { timeout: { attempt: '50ms' }, retry: {} } } } },
    { isReal: true },
  );
  const wire = client().send(get('/'));
  const first = await slow.socket(0);
  await first.closed;
  const second = await slow.socket(1);
  await second.got('\r\n\r\n');
  second.send(OK);
  expect(await wire.got('ok')).toMatch(/^HTTP\/1\.1 200 /);
});

test('a failure that is held back and then breaks off is cut, for half of it must not look whole', async () => {
  const service = await upstream((wire) => {
    wire.socket.once('data', () => {
      wire.send('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 100\r\n\r\nhalf');
      setImmediate(() => wire.socket.destroy());
    });
  });
  const policy = { retry: { attempts: 2, backoff: { growth: 'constant', base: '1ms', jitter: 'none' } } };
  const { client, telemetry } = await running(
    { clusters: { orders: { endpoints: [service.origin], policy } } },
    { isReal: true },
  );
  const answer = await client().send(get('/')).closed;
  expect(answer === '' || answer.startsWith('HTTP/1.1 502 ')).toBe(true);
  await expect.poll(() => linesOf(telemetry)).toMatchObject([{ status: 502 }]);
});

test('a policy that sheds turns requests away while the event loop is late', async () => {
  const service = await upstream((wire) => void wire.socket.on('data', () => wire.send(OK)));
  const delays = [0, 500];
  const [onTime, late] = await Promise.all(
    delays.map(async (delayMs) => {
      const policy = { shed: { step: '90%', interval: '100ms' } };
      const clusters = { orders: { endpoints: [service.origin], policy } };
      const { client, clock } = await running({ clusters }, { loopDelayMs: () => delayMs });
      const statuses: string[] = [];
      for (let count = 0; count < 10; count += 1) {
        statuses.push((await client().send(get('/')).got('\r\n\r\n')).slice(9, 12));
        await clock.advance(100);
      }
      return statuses;
    }),
  );
  expect(new Set(onTime)).toEqual(new Set(['200']));
  expect(late).toContain('503');
});
