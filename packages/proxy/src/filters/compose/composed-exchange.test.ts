// Compositions over sockets: what becomes of parts that are slow, huge, cut or left.
import { expect, test } from 'vitest';
import { answering, get, linesOf, running, upstream, written, type Upstream } from '../../engine/engine.fixture.ts';

const json = (value: unknown, ...lines: string[]) => {
  const text = JSON.stringify(value);
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}content-length: ${text.length}\r\n\r\n${text}`;
};

const SITE = { site: { endpoints: ['http://127.0.0.1:1'] } };

/** A gateway whose page is composed of an order, and of a payment that may be missing. */
async function shop(orders: Upstream, payments: Upstream, options: object = {}) {
  const parts = {
    order: { to: 'orders', path: '/orders/{path:id}' },
    payment: { to: 'payments', path: '/payments/{path:id}', optional: true, timeout: '500ms', maxBytes: '64KiB' },
  };
  return running({
    routes: [{ name: 'page', timeout: '2s', filters: [{ type: 'compose', path: '/pages/{id}', parts, ...options }] }],
    clusters: { orders: { endpoints: [orders.origin] }, payments: { endpoints: [payments.origin] } },
  });
}

test('a page is what its parts answered, with a length and one line in the log', async () => {
  const orders = await answering(json({ id: 7 }, 'cache-control: max-age=60', 'set-cookie: a=b'));
  const payments = await answering(json({ state: 'paid' }, 'cache-control: max-age=9', 'vary: accept-encoding'));
  const { client, telemetry } = await shop(orders, payments);
  const asked = get('/pages/7', 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'Cookie: a=b');
  const whole = '{"order":{"id":7},"payment":{"state":"paid"}}';
  const answer = await client().send(asked).got(whole);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toContain(`content-length: ${whole.length}\r\n`);
  expect(answer).toContain('x-fairlead-partial: false\r\n');
  expect(answer).toContain('cache-control: max-age=9\r\n');
  expect(answer).not.toMatch(/set-cookie|vary/);
  const [order] = orders.sockets;
  expect(order?.text).toMatch(/^GET \/orders\/7 HTTP\/1\.1\r\n/);
  expect(order?.text).toContain('traceparent: 00-0af7651916cd43dd8448eb211c80319c-');
  expect(order?.text).not.toMatch(/cookie/i);
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }]);
  const text = await telemetry.metrics.exposition();
  expect(text).toContain('fairlead_composed_parts_total{route="page",part="payment",outcome="ok",service="test"} 1');

  const head = await client()
    .send(get('/pages/7').replace('GET', 'HEAD'))
    .got(/\r\n\r\n$/);
  expect(head).toContain(`content-length: ${whole.length}\r\n`);
});

test.each<[string, string, string]>([
  ['huge', `HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n${'x'.repeat(70_000)}`, 'UPSTREAM_INVALID'],
  [
    'endless',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11170\r\n${'x'.repeat(70_000)}\r\n`,
    'UPSTREAM_INVALID',
  ],
  ['no HTTP', 'good morning\r\n\r\n', 'UPSTREAM_INVALID'],
  ['no JSON', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{', 'PART_INVALID'],
  ['a failure', 'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n', 'PART_REFUSED'],
])('a part that is %s is missing, and its connection does no harm', async (_what, said, code) => {
  const [orders, payments] = [await answering(json({ id: 7 })), await answering(said)];
  const { client } = await shop(orders, payments);
  for (let at = 0; at < 2; at += 1) {
    const answer = await client().send(get('/pages/7')).got('"partial"');
    expect(answer).toContain(`{"order":{"id":7},"partial":{"payment":"${code}"}}`);
    expect(answer).toContain('cache-control: no-store\r\n');
    expect(answer).toContain('x-fairlead-partial: true\r\n');
  }
});

test('a part that breaks off in the middle is missing, one that must be there is the failure of the whole', async () => {
  const broken = () =>
    upstream((wire) => {
      wire.socket.on('data', () => void wire.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"id').socket.end());
    });
  const sound = await answering(json({ id: 7 }));
  const first = await shop(sound, await broken());
  expect(await first.client().send(get('/pages/7')).got('"partial"')).toContain('"payment":"UPSTREAM_RESET"');
  const second = await shop(await broken(), sound);
  const answer = await second.client().send(get('/pages/7')).got('"part":"order"');
  expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*"code":"UPSTREAM_RESET"/);
});

test('who is slow is left behind, and its connection cut', async () => {
  const [orders, payments] = [await answering(json({ id: 7 })), await upstream()];
  const { client, clock } = await shop(orders, payments);
  const wire = client().send(get('/pages/7'));
  const slow = await payments.socket(0);
  await slow.got('\r\n\r\n');
  await clock.advance(500);
  expect(await wire.got('"partial"')).toContain('{"order":{"id":7},"partial":{"payment":"UPSTREAM_TIMEOUT"}}');
  await slow.closed;
});

test('when its client goes away nobody is asked any more, and nothing is left', async () => {
  const [orders, payments] = [await upstream(), await upstream()];
  const { client, clock, engine } = await shop(orders, payments, { parallel: 1 });
  const wire = client().send(get('/pages/7'));
  const asked = await orders.socket(0);
  await asked.got('\r\n\r\n');
  wire.socket.destroy();
  await asked.closed;
  await engine.close({ graceMs: 0 });
  expect(payments.sockets).toHaveLength(0);
  expect(clock.pending).toBe(0);
});

test('a whole that is lost cuts the parts that are under way', async () => {
  const [orders, payments] = [await upstream(), await upstream()];
  const { client } = await shop(orders, payments);
  const wire = client().send(get('/pages/7'));
  const slow = await payments.socket(0);
  await slow.got('\r\n\r\n');
  (await orders.socket(0)).send('HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nnone');
  const answer = await wire.got('none');
  expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\ncontent-type: text\/plain\r\n/);
  await slow.closed;
});

test('whoever goes away leaves its place to others, however often', async () => {
  const [orders, payments] = [await upstream(), await answering(json({ state: 'paid' }))];
  const { client } = await shop(orders, payments, { maxInFlight: 1 });
  for (let round = 0; round < 10; round += 1) {
    const wire = client().send(get('/pages/7'));
    const asked = await orders.socket(round);
    await asked.got('\r\n\r\n');
    if (round === 0) {
      const second = client().send(get('/pages/8'));
      expect(await second.got('"code"')).toMatch(/^HTTP\/1\.1 503 [^]*COMPOSITION_BUSY/);
    }
    wire.socket.destroy();
    await asked.closed;
  }
  const last = client().send(get('/pages/7'));
  (await orders.socket(10)).send(json({ id: 7 }));
  await last.got('{"order":{"id":7},"payment":{"state":"paid"}}');
});

test('a composition that has begun ends as it began, whatever configuration has been taken since', async () => {
  const [orders, payments] = [await upstream(), await answering(json({ state: 'paid' }))];
  const { client, engine } = await shop(orders, payments);
  const wire = client().send(get('/pages/7'));
  const asked = await orders.socket(0);
  await asked.got('\r\n\r\n');
  await engine.swap(written({ routes: [{ name: 'none', match: { path: '/none' }, to: 'site' }], clusters: SITE }));
  expect(await client().send(get('/pages/7')).got('"code"')).toMatch(/^HTTP\/1\.1 404 /);
  asked.send(json({ id: 7 }));
  await wire.got('{"order":{"id":7},"payment":{"state":"paid"}}');
});

test('each of many requests at once has its own parts', async () => {
  const echo = () =>
    upstream((wire) => {
      let from = 0;
      wire.socket.on('data', () => {
        for (const { index, 0: head, 1: id } of wire.text.slice(from).matchAll(/GET \/\w+\/(\d+) [^]*?\r\n\r\n/g)) {
          from += index + head.length;
          wire.send(json({ id }));
        }
      });
    });
  const { client } = await shop(await echo(), await echo());
  const wires = Array.from({ length: 20 }, () => client());
  const answers = wires.map(async (wire, at) => {
    for (let round = 0; round < 5; round += 1) {
      const id = at * 100 + round;
      await wire
        .clear()
        .send(get(`/pages/${id}`))
        .got(`{"order":{"id":"${id}"},"payment":{"id":"${id}"}}`);
    }
  });
  await Promise.all(answers);
});
