import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { answering, get, linesOf, running, upstream, type Wire } from '../../engine/engine.fixture.ts';

/** What comes by sockets comes when the machine has time. */
const PATIENT = { timeout: 20_000 };

const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const TEXT = 'To be or not to be, that is the question. '.repeat(100);

interface Answer {
  readonly status?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

const answerOf = ({ status = '200 OK', lines = ['content-type: text/plain'], body = TEXT }: Answer = {}) =>
  `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}content-length: ${body.length}\r\n\r\n${body}`;

async function compressing(answer: string, options: object = {}, more: readonly object[] = []) {
  const service = await answering(answer);
  const run = await running({
    clusters: { orders: { endpoints: [service.origin] } },
    filters: [{ type: 'compress', ...options }, ...more],
  });
  return { ...run, service };
}

/** The whole answer, its chunks put together. */
async function whole(wire: Wire) {
  const start = await wire.got('\r\n\r\n');
  const bytes = /content-length: (\d+)/.exec(start)?.[1];
  const isWhole = (text: string) =>
    bytes === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length === text.indexOf('\r\n\r\n') + 4 + Number(bytes);
  await expect.poll(() => isWhole(wire.text), PATIENT).toBe(true);
  const { text } = wire;
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  let body = Buffer.from(text.slice(end + 4), 'latin1');
  if (head.includes('transfer-encoding: chunked')) {
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length;) {
      const line = body.indexOf('\r\n', at);
      const size = parseInt(body.toString('latin1', at, line), 16);
      parts.push(body.subarray(line + 2, line + 2 + size));
      at = line + 2 + size + 2;
    }
    body = Buffer.concat(parts);
  }
  const fields = new Map(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return { head, fields, body };
}

test.each(['gzip', 'br', 'zstd'] as const)(
  'a body is the same when the client has undone %s, and every field says what it is',
  async (coding) => {
    const lines = [
      'content-type: Text/Plain; charset=utf-8',
      'etag: "v1"',
      'vary: Cookie',
      'accept-ranges: bytes',
      'content-digest: x',
      'x-other: 1',
    ];
    const { client, telemetry } = await compressing(answerOf({ lines }));
    const wire = client();
    for (let count = 1; count <= 2; count += 1) {
      const { fields, body } = await whole(wire.clear().send(get('/', `Accept-Encoding: ${coding}`)));
      expect(DECODERS[coding](body).toString()).toBe(TEXT);
      expect(body.length).toBeLessThan(TEXT.length / 10);
      expect(Object.fromEntries(fields)).toMatchObject({
        'content-encoding': coding,
        etag: 'W/"v1"',
        vary: 'Cookie, accept-encoding',
        'x-other': '1',
      });
      for (const gone of ['content-length', 'accept-ranges', 'content-digest']) expect(fields.has(gone)).toBe(false);
    }
    expect(linesOf(telemetry)).toMatchObject([{ status: 200 }, { status: 200 }]);
  },
);

const GZIP = 'Accept-Encoding: gzip';
test.each([
  ['who doesn’t take it', answerOf(), [], {}, 'accept-encoding'],
  ['who wants it as it is', answerOf(), ['Accept-Encoding: gzip;q=0.5, identity'], {}, 'accept-encoding'],
  ['a body that is small', answerOf({ body: 'x'.repeat(1_023) }), [GZIP], {}, 'accept-encoding'],
  ['who has a cookie', answerOf(), [GZIP, 'Cookie: a=b'], {}, 'accept-encoding'],
  ['who is authorised', answerOf(), [GZIP, 'Authorization: Bearer x'], {}, 'accept-encoding'],
  [
    'an answer that sets a cookie',
    answerOf({ lines: ['content-type: text/plain', 'set-cookie: a=b'] }),
    [GZIP],
    {},
    'accept-encoding',
  ],
  [
    'what is compressed already',
    answerOf({ lines: ['content-type: text/plain', 'content-encoding: br'] }),
    [GZIP],
    {},
    undefined,
  ],
  [
    'what must not be changed',
    answerOf({ lines: ['content-type: text/plain', 'cache-control: public, No-Transform'] }),
    [GZIP],
    {},
    undefined,
  ],
  ['who wants nothing changed', answerOf(), [GZIP, 'Cache-Control: no-transform'], {}, undefined],
  ['a picture', answerOf({ lines: ['content-type: image/png'] }), [GZIP], {}, undefined],
  ['what has no type', answerOf({ lines: [] }), [GZIP], {}, undefined],
  ['events', answerOf({ lines: ['content-type: text/event-stream'] }), [GZIP], {}, undefined],
  ['a part', answerOf({ status: '206 Partial Content' }), [GZIP], {}, undefined],
  [
    'other types than were written',
    answerOf({ lines: ['content-type: text/css'] }),
    [GZIP],
    { types: ['text/html', 'application/*'] },
    undefined,
  ],
])('a body stays as it is for %s', async (_what, answer, lines, options, vary) => {
  const { client } = await compressing(answer, options);
  const { head, fields, body } = await whole(client().send(get('/', ...lines)));
  expect(head).not.toContain('content-encoding: gzip');
  expect(`${body.length}`).toBe(fields.get('content-length'));
  expect(fields.get('vary')).toBe(vary);
});

test.each([
  ['small ones, for who takes nothing else', answerOf({ body: 'small' }), ['Accept-Encoding: gzip, identity;q=0'], {}],
  [
    'those of who is known, when that is written',
    answerOf(),
    [GZIP, 'Cookie: a=b', 'Authorization: Bearer x'],
    { secrets: true },
  ],
  [
    'types that are written',
    answerOf({ lines: ['content-type: application/x-own; v=1'] }),
    [GZIP],
    { types: ['application/x-own'] },
  ],
  ['failures', answerOf({ status: '404 Not Found', lines: ['content-type: application/problem+json'] }), [GZIP], {}],
  [
    'what says that it is as it is',
    answerOf({ lines: ['content-type: text/html', 'content-encoding: identity'] }),
    [GZIP],
    {},
  ],
])('compressed are %s', async (_what, answer, lines, options) => {
  const { client } = await compressing(answer, options);
  const { fields, body } = await whole(client().send(get('/', ...lines)));
  expect(fields.get('content-encoding')).toBe('gzip');
  expect(answer.endsWith(gunzipSync(body).toString())).toBe(true);
});

test('an answer to HEAD says what one to GET would', async () => {
  const { client } = await compressing(
    'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\netag: "a"\r\ncontent-length: 5000\r\n\r\n',
  );
  const head = await client().send(`HEAD / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n\r\n`).got('\r\n\r\n');
  expect(head).toContain('content-encoding: gzip\r\n');
  expect(head).toContain('vary: accept-encoding\r\n');
  expect(head).toContain('etag: W/"a"\r\n');
  expect(head).not.toContain('content-length');
});

test('that nothing has changed is said of the tag that the client has', async () => {
  const { client, service } = await compressing('HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n');
  const head = await client()
    .send(get('/', GZIP, 'If-None-Match: W/"a"'))
    .got('\r\n\r\n');
  expect(head).toContain('etag: W/"a"\r\n');
  expect(head).toContain('vary: accept-encoding\r\n');
  expect((await service.socket(0)).text).toContain('If-None-Match: W/"a"\r\n');
  expect(await client().send(get('/', 'If-None-Match: "a"')).got('\r\n\r\n')).toContain('etag: "a"\r\n');
});

test('who writes what it has read compressed is let through: the tag is strong again', async () => {
  const { client, service } = await compressing('HTTP/1.1 204 No Content\r\n\r\n');
  await client()
    .send('PUT / HTTP/1.1\r\nHost: a\r\nIf-Match: W/"a", "W/b",W/"c"\r\nContent-Length: 0\r\n\r\n')
    .got('204');
  expect((await service.socket(0)).text).toContain('if-match: "a", "W/b","c"\r\n');
});

test('answers of the proxy’s own are compressed, too', async () => {
  const { client } = await compressing(answerOf(), {}, [{ type: 'respond', body: TEXT }]);
  const { fields, body } = await whole(client().send(get('/', GZIP)));
  expect(fields.get('content-encoding')).toBe('gzip');
  expect(gunzipSync(body).toString()).toBe(TEXT);
});

test('who is known by another proof than cookies has answers as they are', async () => {
  const hash = 'a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3';
  const apiKey = { type: 'api-key', consumers: [{ name: 'robot', keys: [`sha256:${hash}`] }] };
  const { client } = await compressing(answerOf(), {}, [apiKey]);
  const { head } = await whole(client().send(get('/', GZIP, 'x-api-key: 123')));
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  expect(head).not.toContain('content-encoding');
});

test.each(['gzip', 'br', 'zstd'] as const)('what comes part by part leaves part by part (%s)', async (coding) => {
  const service = await upstream();
  const { client } = await running({
    clusters: { orders: { endpoints: [service.origin] } },
    filters: [{ type: 'compress', types: ['text/event-stream'] }],
  });
  const wire = client().send(get('/', `Accept-Encoding: ${coding}`));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
  await wire.got('\r\n\r\n');
  for (let count = 1; count <= 3; count += 1) {
    wire.clear();
    there.send('9\r\ndata: x\n\n\r\n');
    // A chunk comes, though the body goes on.
    await wire.got(/^[0-9a-f]+\r\n/);
  }
  there.send('0\r\n\r\n');
  await wire.got('0\r\n\r\n');
});

test('a large body that nobody reads is not read on, and comes whole in the end', async () => {
  const service = await upstream();
  const { client } = await running({
    clusters: { orders: { endpoints: [service.origin] } },
    filters: [{ type: 'compress' }],
  });
  const { socket } = client().send(get('/', 'Accept-Encoding: gzip'));
  socket.pause().removeAllListeners('data');
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  const part = Buffer.alloc(64 * 1024);
  // What does not get smaller: a sequence without end.
  let seed = 1;
  for (let at = 0; at < part.length; at += 4) part.writeUInt32LE((seed = (seed * 1_664_525 + 1_013_904_223) >>> 0), at);
  const PARTS = 320;
  there.socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${part.length * PARTS}\r\n\r\n`);
  for (let count = 0; count < PARTS; count += 1) there.socket.write(part);
  const texts: string[] = [];
  await new Promise<void>((resolve) => {
    socket.on('data', (text: string) => {
      texts.push(text);
      if (text.endsWith('\r\n0\r\n\r\n')) resolve();
    });
    socket.resume();
  });
  const text = Buffer.from(texts.join(''), 'latin1');
  const parts: Buffer[] = [];
  for (let at = text.indexOf('\r\n\r\n') + 4; at < text.length;) {
    const line = text.indexOf('\r\n', at);
    const size = parseInt(text.toString('latin1', at, line), 16);
    parts.push(text.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  const body = gunzipSync(Buffer.concat(parts));
  expect(body.length).toBe(part.length * PARTS);
  for (let at = 0; at < body.length; at += part.length)
    expect(body.subarray(at, at + part.length).equals(part)).toBe(true);
});

test('beyond what may be compressed at once bodies go as they are; whoever goes away makes room', async () => {
  const service = await upstream();
  const { client } = await running({
    clusters: { orders: { endpoints: [service.origin] } },
    filters: [{ type: 'compress', maxAtOnce: 1 }],
  });
  const begun = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n';
  const ask = async (index: number) => {
    const wire = client().send(get(`/${index}`, GZIP));
    const there = await service.socket(index);
    await there.got('\r\n\r\n');
    there.send(begun);
    return wire.got(/transfer-encoding[^]*\r\n\r\n/).then(() => wire);
  };
  const first = await ask(0);
  expect(first.text).toContain('content-encoding: gzip');
  expect((await ask(1)).text).not.toContain('content-encoding');
  first.socket.destroy();
  await (
    await service.socket(0)
  ).closed;
  let index = 2;
  await expect.poll(async () => (await ask(index++)).text, PATIENT).toContain('content-encoding: gzip');
});

test('what a cache behind it keeps is compressed for each client as that takes it', async () => {
  const lines = ['content-type: text/plain', 'cache-control: max-age=60', 'etag: "v1"'];
  const { client, service } = await compressing(answerOf({ lines }), {}, [{ type: 'cache' }]);
  const wire = client();
  for (const [asked, coding] of [
    ['gzip', 'gzip'],
    ['identity', undefined],
    ['zstd', 'zstd'],
  ] as const) {
    const { fields, body } = await whole(wire.clear().send(get('/', `Accept-Encoding: ${asked}`)));
    expect(fields.get('content-encoding')).toBe(coding);
    expect((coding === undefined ? body : DECODERS[coding](body)).toString()).toBe(TEXT);
    expect(fields.get('etag')).toBe(coding === undefined ? '"v1"' : 'W/"v1"');
  }
  expect((await service.socket(0)).text.match(/GET/g)).toHaveLength(1);
  // Its tag, weak as it was told, is known.
  const kept = await wire
    .clear()
    .send(get('/', GZIP, 'If-None-Match: W/"v1"'))
    .got('\r\n\r\n');
  expect(kept).toMatch(/^HTTP\/1\.1 304 [^]*etag: W\/"v1"/i);
});

test('a client of HTTP/1.0 has a compressed body until the connection ends', async () => {
  const { client } = await compressing(answerOf());
  const text = await client().send(`GET / HTTP/1.0\r\nHost: a\r\n${GZIP}\r\n\r\n`).closed;
  expect(text).not.toMatch(/transfer-encoding|content-length/);
  expect(gunzipSync(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')).toString()).toBe(TEXT);
});
