import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { answering, get, linesOf, OK, upstream } from './engine.fixture.ts';
import { behind, own, passing } from './filter-of.fixture.ts';
import type { BodySink, BodyStage } from './filter.ts';

/** What comes by sockets comes when the machine has time. */
const PATIENT = { timeout: 20_000 };

const NO_TRAILERS = new Fields([]);

test('answers of the proxy’s own may be bytes, of any length, and go as fast as they are read', async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_value, at) => at % 251));
  const { client, telemetry } = await behind(await answering(OK), {
    own: { request: ({ path }) => own(200, path === '/small' ? bytes.subarray(0, 300) : bytes) },
  });
  const wire = client();
  const bodyOf = () => Buffer.from(wire.text.slice(wire.text.indexOf('\r\n\r\n') + 4), 'latin1');
  wire.send(get('/small'));
  await wire.got('content-length: 300\r\n');
  await expect.poll(() => bodyOf().length, PATIENT).toBe(300);
  expect(bodyOf().equals(bytes.subarray(0, 300))).toBe(true);
  wire.clear().send(get('/large'));
  await expect.poll(() => bodyOf().length, PATIENT).toBe(bytes.length);
  expect(bodyOf().equals(bytes)).toBe(true);
  const head = wire.clear().send('HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await head.got('\r\n\r\n')).toMatch(/content-length: 3000000\r\n/);
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }]);
});

test('text of the proxy’s own goes as UTF-8', async () => {
  const { client } = await behind(await answering(OK), { own: { request: () => own(200, 'schön ☃') } });
  const answer = await client().send(get('/')).got('\x98\x83');
  expect(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1').toString()).toBe('schön ☃');
  expect(answer).toContain(`content-length: ${Buffer.byteLength('schön ☃')}\r\n`);
});

/** A source that a test speaks for. */
function spoken(bytes: number) {
  const told: string[] = [];
  let sink: BodySink | undefined;
  const source = {
    bytes,
    start(next: BodySink) {
      told.push('start');
      sink = next;
    },
    room: () => void told.push('room'),
    stop: () => void told.push('stop'),
  };
  return { source, told, sink: () => sink ?? expect.fail('It was not started.') };
}

test('a source is started, given room and heard to its end', async () => {
  const { source, told, sink } = spoken(-1);
  const { client, telemetry } = await behind(await answering(OK), { own: { request: () => own(200, source) } });
  const wire = client().send(get('/'));
  await expect.poll(() => told, PATIENT).toEqual(['start']);
  sink().part(Buffer.from('a'));
  await wire.got('1\r\na\r\n');
  sink().part(Buffer.from('b'));
  sink().end(NO_TRAILERS);
  sink().part(Buffer.from('late'));
  expect(await wire.got('0\r\n\r\n')).not.toContain('late');
  expect(told).toEqual(['start']);
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }]);
  await wire.clear().send(get('/')).got('transfer-encoding');
});

test.each([
  ['to HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ['with 304', get('/'), 304],
])('a source is stopped and not started where an answer has no body: %s', async (_what, asked, status) => {
  const { source, told } = spoken(5);
  const { client } = await behind(await answering(OK), { own: { request: () => own(status, source) } });
  await client()
    .send(asked)
    .got(/content-length: 5\r\n(?:.*\r\n)*\r\n$/);
  expect(told).toEqual(['stop']);
});

test('a source is stopped when its client goes away, when its time is over, and when another answer takes its place', async () => {
  const gone = spoken(-1);
  const late = spoken(-1);
  const replaced = spoken(-1);
  const sources: Readonly<Record<string, ReturnType<typeof spoken>>> = {
    '/gone': gone,
    '/late': late,
    '/replaced': replaced,
  };
  const { client, clock, telemetry } = await behind(await answering(OK), {
    replacing: { revise: ({ path }) => (path === '/replaced' ? { instead: own(200, 'other') } : undefined) },
    own: { request: ({ path }) => own(200, sources[path]?.source) },
  });
  const leaving = client().send(get('/gone'));
  await expect.poll(() => gone.told, PATIENT).toEqual(['start']);
  leaving.socket.destroy();
  await expect.poll(() => gone.told, PATIENT).toEqual(['start', 'stop']);
  const waiting = client().send(get('/late'));
  await expect.poll(() => late.told, PATIENT).toEqual(['start']);
  late.sink().part(Buffer.from('a'));
  await waiting.got('\r\na\r\n');
  await clock.advance(10_000);
  expect(await waiting.closed).not.toContain('0\r\n\r\n');
  expect(late.told).toEqual(['start', 'stop']);
  await client().send(get('/replaced')).got('other');
  expect(replaced.told).toEqual(['stop']);
  expect(linesOf(telemetry)).toMatchObject([
    { status: 499, code: 'CANCELLED' },
    { status: 502, code: 'UPSTREAM_TIMEOUT' },
    { status: 200 },
  ]);
});

test('a source that is cut cuts its answer', async () => {
  const { source, told, sink } = spoken(10);
  const { client, telemetry } = await behind(await answering(OK), { own: { request: () => own(200, source) } });
  const wire = client().send(get('/'));
  await expect.poll(() => told, PATIENT).toEqual(['start']);
  sink().part(Buffer.from('half'));
  await wire.got('half');
  sink().cut();
  await wire.closed;
  expect(linesOf(telemetry)).toMatchObject([{ status: 502, code: 'UPSTREAM_RESET' }]);
});

test('a drain waits for answers in stages and cuts them when its time is over', async () => {
  const { source, told, sink } = spoken(-1);
  const { client, clock, engine } = await behind(await answering(OK), { own: { request: () => own(200, source) } });
  const wire = client().send(get('/'));
  await expect.poll(() => told, PATIENT).toEqual(['start']);
  sink().part(Buffer.from('a'));
  await wire.got('\r\na\r\n');
  const closed = engine.close({ graceMs: 1_000 });
  await clock.advance(1_000);
  expect(await wire.closed).not.toContain('0\r\n\r\n');
  await closed;
  expect(told).toEqual(['start', 'stop']);
});

test('nothing stays of answers in stages that are broken off, by whichever side and whenever', async () => {
  const service = await upstream((wire) => {
    wire.socket.on('data', () => wire.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n'));
  });
  let open = 0;
  const { client, engine, telemetry } = await behind(service, {
    staging: {
      revise: () => ({
        stage(next, source) {
          open += 1;
          return passing(next, source, {
            end(trailers) {
              open -= 1;
              next.end(trailers);
            },
            cut: () => (open -= 1),
          });
        },
      }),
    },
  });
  const breaks = ['client', 'upstream', 'both', 'end'] as const;
  for (let count = 0; count < 40; count += 1) {
    const how = breaks[count % breaks.length];
    const wire = client().send(get(`/${count}`));
    await wire.got('begin');
    const there = service.sockets.find(({ text, socket }) => text.includes(`/${count} `) && !socket.destroyed);
    if (how === 'end') {
      there?.send('0\r\n\r\n');
      await wire.got('0\r\n\r\n');
    } else {
      if (how !== 'client') there?.socket.destroy();
      if (how !== 'upstream') wire.socket.destroy();
      await Promise.all([wire.closed, there?.closed]);
    }
    await expect.poll(() => linesOf(telemetry).length, PATIENT).toBe(count + 1);
    expect(open).toBe(0);
  }
  // It waits for whatever is under way; there is nothing.
  await engine.close();
});

test('a client that does not read holds the upstream back through all stages, and nothing is lost', async () => {
  const PART = 64 * 1024;
  const PARTS = 512;
  const service = await upstream();
  let most = 0;
  let held = 0;
  /** Holds what has no room, as a stage that makes something of parts does. */
  const holding = (next: BodySink, source: { room(): void }): BodyStage => {
    const waiting: Buffer[] = [];
    let isFull = false;
    let ended: Fields | undefined;
    const give = () => {
      while (!isFull && waiting.length > 0) {
        const part = waiting.shift() ?? Buffer.alloc(0);
        held -= part.length;
        isFull = !next.part(part);
      }
      if (!isFull && ended !== undefined && waiting.length === 0) next.end(ended);
    };
    return {
      part(part) {
        held += part.length;
        most = Math.max(most, held);
        waiting.push(Buffer.from(part));
        give();
        return !isFull;
      },
      end(trailers) {
        ended = trailers;
        give();
      },
      cut: () => {},
      room() {
        isFull = false;
        give();
        if (!isFull) source.room();
      },
    };
  };
  const { client } = await behind(service, {
    first: { revise: () => ({ stage: holding }) },
    second: { revise: () => ({ stage: holding }) },
  });
  const { socket } = client().send(get('/'));
  socket.pause().removeAllListeners('data');
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send(`HTTP/1.1 200 OK\r\ncontent-length: ${PART * PARTS}\r\n\r\n`);
  const part = 'x'.repeat(PART);
  for (let count = 0; count < PARTS; count += 1) there.send(part);
  await expect.poll(() => most, PATIENT).toBeGreaterThan(0);
  const texts: string[] = [];
  await new Promise<void>((resolve) => {
    socket.on('data', (text: string) => {
      texts.push(text);
      if (text.endsWith('0\r\n\r\n')) resolve();
    });
    socket.resume();
  });
  const text = texts.join('');
  const chunks = text.slice(text.indexOf('\r\n\r\n') + 4).split('\r\n');
  let bytes = 0;
  for (let at = 0; at + 1 < chunks.length; at += 2) bytes += parseInt(chunks[at] ?? '', 16);
  expect(bytes).toBe(PART * PARTS);
  expect(chunks.filter((_chunk, at) => at % 2 === 1).join('').length).toBe(bytes);
  // What was under way to each stage when it said no, and nothing of the other 32 MiB.
  expect(most).toBeLessThan(1024 * 1024);
});
