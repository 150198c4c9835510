import { connect, type ClientHttp2Session } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { answering, get, linesOf, upstream, written } from './engine.fixture.ts';
import { behind, filterOf, own, passing } from './filter-of.fixture.ts';
import type { BodySink, BodyStage } from './filter.ts';

/** What comes by sockets comes when the machine has time. */
const PATIENT = { timeout: 20_000 };

const upper = (next: BodySink, source: { room(): void }): BodyStage =>
  passing(next, source, { part: (part) => next.part(Buffer.from(part.toString('latin1').toUpperCase(), 'latin1')) });

test('trailers go through stages; gRPC has its answers in its own words, whatever filters would make of them', async () => {
  const service = await upstream((wire) => {
    wire.socket.on('data', () =>
      wire.send(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n',
      ),
    );
  });
  const { client } = await behind(service, { staging: { revise: () => ({ stage: upper }) } });
  const answer = await client().send(get('/', 'TE: trailers')).got('x-sum: 7\r\n\r\n');
  expect(answer).toMatch(/OK\r\n0\r\nx-sum: 7\r\n\r\n$/);

  const failing = await behind(
    { origin: 'http://127.0.0.1:1' },
    { staging: { revise: () => ({ stage: upper, fields: { 'content-encoding': 'gzip' } }) } },
  );
  const refused = await failing
    .client()
    .send('POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n')
    .got('grpc-message');
  expect(refused).toMatch(/^HTTP\/1\.1 200 [^]*grpc-status: 14\r\n/);
  expect(refused).not.toContain('content-encoding');
});

/** A client of HTTP/2 before an engine, and what it is told of one request. */
function http2(url: string) {
  const session: ClientHttp2Session = connect(url);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return (path: string) => {
    const stream = session.request({ ':path': path, te: 'trailers' });
    const told = { stream, head: {} as Record<string, unknown>, trailers: {} as Record<string, unknown>, text: '' };
    stream.on('response', (head) => (told.head = head));
    stream.on('trailers', (trailers) => (told.trailers = trailers));
    stream.on('data', (part: Buffer) => (told.text += part.toString('latin1')));
    stream.on('error', () => {});
    return { told, closed: new Promise<void>((resolve) => stream.on('close', resolve)) };
  };
}

test('over HTTP/2 bodies go through stages as over HTTP/1.1, with their trailers', async () => {
  const service = await answering(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n',
  );
  const { engine, telemetry } = await behind(
    service,
    { staging: { revise: () => ({ stage: upper }) } },
    {},
    { http2: true },
  );
  const ask = http2(engine.urls.get('web') ?? '');
  const [one, other] = [ask('/1'), ask('/2')];
  await Promise.all([one.closed, other.closed]);
  expect(one.told).toMatchObject({ head: { ':status': 200 }, text: 'OK', trailers: { 'x-sum': '7' } });
  expect(other.told.text).toBe('OK');
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }, { status: 200 }]);
});

test('a stream of HTTP/2 that its client resets cuts its stages, and other streams go on', async () => {
  const service = await upstream();
  const cuts: string[] = [];
  const { engine, telemetry } = await behind(
    service,
    {
      staging: {
        revise: ({ path }) => ({
          stage: (next, source) => passing(next, source, { cut: () => cuts.push(path) }),
        }),
      },
    },
    {},
    { http2: true },
  );
  const ask = http2(engine.urls.get('web') ?? '');
  const [one, other] = [ask('/1'), ask('/2')];
  for (const index of [0, 1]) {
    const there = await service.socket(index);
    await there.got('\r\n\r\n');
    there.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n');
  }
  await expect.poll(() => one.told.text + other.told.text, PATIENT).toBe('beginbegin');
  one.told.stream.close(8);
  await expect.poll(() => cuts, PATIENT).toEqual(['/1']);
  service.sockets.find(({ text }) => text.includes('/2'))?.send('0\r\n\r\n');
  await other.closed;
  expect(other.told.text).toBe('begin');
  expect(cuts).toEqual(['/1']);
  expect(linesOf(telemetry)).toMatchObject([{ status: 499 }, { status: 200 }]);
});

test('an answer that is on its way through stages keeps its snapshot and its filters, whatever comes after', async () => {
  const service = await upstream();
  let closed = 0;
  const filter = { revise: () => ({ stage: upper }), close: () => void (closed += 1) };
  const { client, engine } = await behind(service, { staging: filter });
  const wire = client().send(get('/'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n');
  await wire.got('ONE');
  const plain = filterOf('plain', () => ({}));
  await engine.swap(written({ clusters: { orders: { endpoints: [service.origin] } } }, [plain]));
  expect(closed).toBe(0);
  there.send('3\r\ntwo\r\n0\r\n\r\n');
  expect(await wire.got('0\r\n\r\n')).toContain('TWO');
  await expect.poll(() => closed, PATIENT).toBe(1);
});

test('a breaker closes by answers that go well, also when others take their place', async () => {
  let count = 0;
  const service = await upstream((wire) => {
    wire.socket.on('data', () => {
      count += 1;
      wire.send(count <= 2 ? 'HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n' : 'HTTP/1.1 304 Not Modified\r\n\r\n');
    });
  });
  const { client, clock } = await behind(
    service,
    { stored: { revise: (_passage, { status }) => (status === 304 ? { instead: own(200, 'stored') } : undefined) } },
    { policy: { breaker: { minCalls: 2, failureRatio: '50%', openFor: '1s', probes: 2 } }, outliers: 'off' },
  );
  const wire = client();
  for (const path of ['/1', '/2']) await wire.clear().send(get(path)).got('500');
  await wire.clear().send(get('/3')).got('OVERLOADED');
  await clock.advance(5_000);
  // Two probes, and then as many at once as ask.
  for (const path of ['/4', '/5']) await wire.clear().send(get(path)).got('stored');
  await Promise.all(['/6', '/7', '/8', '/9'].map((path) => client().send(get(path)).got('stored')));
  expect(count).toBe(8);
});
