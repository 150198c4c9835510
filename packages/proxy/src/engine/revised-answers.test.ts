import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { answering, get, linesOf, OK, upstream } from './engine.fixture.ts';
import { behind, own, passing } from './filter-of.fixture.ts';
import type { AnswerHead, BodySink, BodyStage, Filter, Revision } from './filter.ts';

/** What comes by sockets comes when the machine has time. */
const PATIENT = { timeout: 20_000 };

const NO_TRAILERS = new Fields([]);
const CHUNKED_OK = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-from: orders\r\n\r\n';

const upper = (next: BodySink, source: { room(): void }): BodyStage =>
  passing(next, source, { part: (part) => next.part(Buffer.from(part.toString('latin1').toUpperCase(), 'latin1')) });

test('a body goes through the stages of filters backwards, and each sees what those after it made of the head', async () => {
  const heads: AnswerHead[] = [];
  const seen = (filter: string, revision: Revision): Partial<Filter> => ({
    revise: (_passage, head) => {
      heads.push({ status: head.status, fields: head.fields, bodyBytes: head.bodyBytes, cause: head.cause });
      return { ...revision, fields: { 'x-by': [...head.fields.all('x-by'), filter] } };
    },
  });
  const wrap = (next: BodySink, source: { room(): void }): BodyStage =>
    passing(next, source, {
      end(trailers) {
        next.part(Buffer.from('>'));
        next.end(trailers);
      },
      part: (part) => next.part(Buffer.concat([Buffer.from('<'), part])),
    });
  const { client, telemetry } = await behind(
    await answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-by: orders\r\n\r\nok'),
    {
      first: seen('first', { stage: wrap }),
      second: seen('second', { stage: upper, bodyBytes: 2 }),
    },
  );
  const wire = client().send(get('/'));
  const answer = await wire.got('0\r\n\r\n');
  expect(answer).toMatch(/x-by: orders\r\nx-by: second\r\nx-by: first\r\n/);
  expect(answer).toMatch(/transfer-encoding: chunked\r\n/);
  expect(answer).not.toContain('content-length');
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe('3\r\n<OK\r\n1\r\n>\r\n0\r\n\r\n');
  expect(heads.map(({ bodyBytes, fields }) => [bodyBytes, fields.all('x-by')])).toEqual([
    [2, ['orders']],
    [2, ['orders', 'second']],
  ]);
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }]);
  // The connection is good for more.
  await wire.clear().send(get('/2')).got('0\r\n\r\n');
});

test.each([
  ['to HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'],
  ['204', get('/'), 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['304', get('/'), 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'],
])('an answer %s is revised and gets no stage; what it says of its length goes', async (_what, asked, answer) => {
  const { client } = await behind(await answering(answer), {
    staging: {
      revise: () => ({
        fields: { 'content-encoding': 'gzip' },
        stage: () => {
          throw new Error('There is no body.');
        },
      }),
    },
  });
  const wire = client().send(asked);
  const got = await wire.got(/content-encoding: gzip\r\n[^]*\r\n\r\n$/);
  expect(got).not.toMatch(/content-length|transfer-encoding/);
  await wire
    .clear()
    .send(asked)
    .got(/content-encoding: gzip\r\n[^]*\r\n\r\n$/);
});

test('neither provisional answers nor other protocols are revised', async () => {
  const statuses: number[] = [];
  const service = await upstream();
  const { client } = await behind(service, {
    staging: {
      revise: (_passage, { status }) => {
        statuses.push(status);
        return { stage: upper };
      },
    },
  });
  const wire = client().send(get('/', 'Connection: upgrade', 'Upgrade: websocket'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send('HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n');
  await wire.got('link: </a.css>');
  there.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nabc');
  expect(await wire.got('abc')).not.toContain('ABC');
  expect(statuses).toEqual([]);
});

test('an answer is revised when its policy wants no other: not those that are repeated', async () => {
  const statuses: number[] = [];
  const service = await upstream((wire) => {
    let count = 0;
    wire.socket.on('data', () => {
      count += 1;
      wire.send(count < 3 ? 'HTTP/1.1 503 No\r\ncontent-length: 3\r\n\r\nbad' : OK);
    });
  });
  const { client, clock } = await behind(
    service,
    {
      staging: {
        revise: (_passage, { status }) => {
          statuses.push(status);
          return { stage: upper, bodyBytes: 2 };
        },
      },
    },
    { policy: { retry: {} }, outliers: 'off' },
  );
  const wire = client().send(get('/'));
  const answer = wire.got('OK');
  const there = await service.socket(0);
  for (let count = 1; count <= 3; count += 1) {
    await expect.poll(() => there.text.split('GET').length, PATIENT).toBe(count + 1);
    await clock.advance(1_000);
  }
  expect(await answer).toMatch(/\r\n\r\nOK$/);
  expect(statuses).toEqual([200]);
});

test('an answer that was held back is revised when nothing better came', async () => {
  const service = await answering('HTTP/1.1 503 No\r\ncontent-length: 3\r\n\r\nbad');
  const { client, telemetry } = await behind(
    service,
    { staging: { revise: () => ({ stage: upper, bodyBytes: 3 }) } },
    { policy: { breaker: {} }, outliers: 'off' },
  );
  expect(await client().send(get('/')).got('BAD')).toMatch(/^HTTP\/1\.1 503 /);
  expect(linesOf(telemetry)).toMatchObject([{ status: 503 }]);
});

test('what a filter says instead of a failing answer is told; a policy has heard of the failure', async () => {
  const service = await answering('HTTP/1.1 503 No\r\ncontent-length: 3\r\n\r\nbad');
  const { client, telemetry } = await behind(
    service,
    { stale: { revise: (_passage, { status }) => (status >= 500 ? { instead: own(200, 'stale') } : undefined) } },
    { policy: { breaker: { minCalls: 2, failureRatio: '50%' } }, outliers: 'off' },
  );
  const wire = client();
  for (let count = 1; count <= 3; count += 1)
    expect(
      await wire
        .clear()
        .send(get(`/${count}`))
        .got('stale'),
    ).toMatch(/ 200 /);
  // The third was not sent any more; what the engine says of that is revised, too.
  expect((await service.socket(0)).text.match(/GET/g)).toHaveLength(2);
  expect(service.sockets).toHaveLength(1);
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }]);
});

test.each([
  ['is there whole', OK, 1],
  ['has no body', 'HTTP/1.1 304 Not Modified\r\n\r\n', 1],
  ['is not there yet', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 2],
  ['has only its head', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n', 2],
])(
  'an answer that another takes the place of, and that %s, costs its connection only if it would have to be waited for',
  async (_what, answer, connections) => {
    const service = await answering(answer);
    const { client, telemetry } = await behind(service, { stale: { revise: () => ({ instead: own(200, 'stale') }) } });
    const wire = client();
    for (const path of ['/1', '/2']) await wire.clear().send(get(path)).got('stale');
    expect(service.sockets).toHaveLength(connections);
    if (connections === 2) await (await service.socket(0)).closed;
    expect(linesOf(telemetry)).toMatchObject([{ status: 200 }, { status: 200 }]);
  },
);

test.each([
  [
    'nobody is there',
    (origin: string) => origin.replace(/:\d+$/, ':1'),
    /^HTTP\/1\.1 503 [^]*"code":"UPSTREAM_UNAVAILABLE"/,
    503,
  ],
])('the engine’s own failures are revised by all filters that were met: %s', async (_what, other, _plain, status) => {
  const heads: (readonly [number, string | undefined])[] = [];
  const filter: Partial<Filter> = {
    revise: (_passage, head) => {
      heads.push([head.status, head.cause]);
      return head.status === 200 ? undefined : { instead: own(200, 'stale') };
    },
  };
  const service = await answering(OK);
  const { client } = await behind({ origin: other(service.origin) }, { first: filter, second: filter });
  await client().send(get('/')).got('stale');
  expect(heads).toEqual([
    [status, 'UPSTREAM_UNAVAILABLE'],
    [200, 'ANSWERED_HERE'],
  ]);
});

test('a filter’s own answer is revised by those before it only', async () => {
  const seen: string[] = [];
  const seeing = (name: string): Partial<Filter> => ({
    revise: (_passage, { cause }) => {
      seen.push(`${name} ${cause}`);
      return { stage: upper };
    },
  });
  const { client } = await behind(await answering(OK), {
    first: seeing('first'),
    ending: { request: () => own(200, 'here'), ...seeing('ending') },
    last: seeing('last'),
  });
  await client().send(get('/')).got('HERE');
  expect(seen).toEqual(['first ANSWERED_HERE']);
});

test('what is set for one client is not what filters before see of an answer', async () => {
  let seen: string | undefined = 'unset';
  const { client } = await behind(await answering(OK), {
    storing: { revise: (_passage, { fields }) => void (seen = fields.get('set-cookie')) },
    login: {
      request: (passage) => {
        passage.setAnswer('set-cookie', 'a=b');
        return undefined;
      },
      answer: (passage) => passage.addAnswer('vary', 'cookie'),
    },
  });
  expect(await client().send(get('/')).got('ok')).toMatch(/set-cookie: a=b\r\n[^]*vary: cookie\r\n/);
  expect(seen).toBeUndefined();
});

test.each([
  [
    'revises',
    {
      revise: () => {
        throw new Error('broken');
      },
    },
  ],
  [
    'edits',
    {
      answer: () => {
        throw new Error('broken');
      },
    },
  ],
  [
    'makes a stage',
    {
      revise: () => ({
        stage: () => {
          throw new Error('broken');
        },
      }),
    },
  ],
  ['gives a field that would break its line', { revise: () => ({ fields: { 'x-a': 'b\r\nc: d' } }) }],
] satisfies [string, Partial<Filter>][])(
  'a filter that throws where it %s makes a 500 that says nothing of it',
  async (_where, filter) => {
    const service = await answering(OK);
    const { client, telemetry, engine } = await behind(service, { broken: filter });
    const wire = client().send(get('/'));
    expect(await wire.got('INTERNAL')).toMatch(/^HTTP\/1\.1 500 /);
    expect(wire.text).not.toMatch(/broken|c: d/);
    await wire.clear().send(get('/')).got('INTERNAL');
    expect(linesOf(telemetry)).toMatchObject([
      { status: 500, code: 'INTERNAL' },
      { status: 500, code: 'INTERNAL' },
    ]);
    await engine.close({ graceMs: 0 });
  },
);

test('a stage that throws within a body cuts the answer, and nothing else', async () => {
  const service = await answering(`${CHUNKED_OK}2\r\nok\r\n0\r\n\r\n`);
  let cuts = 0;
  const { client, telemetry } = await behind(service, {
    counting: { revise: () => ({ stage: (next, source) => passing(next, source, { cut: () => (cuts += 1) }) }) },
    broken: {
      revise: () => ({
        stage: (next, source) =>
          passing(next, source, {
            end() {
              throw new Error('broken');
            },
          }),
      }),
    },
  });
  const text = await client().send(get('/')).closed;
  expect(text).toMatch(/\r\nok\r\n$/);
  expect(cuts).toBe(1);
  expect(linesOf(telemetry)).toMatchObject([{ status: 500, code: 'INTERNAL' }]);
});

test.each([
  ['more', 1],
  ['less', 3],
])('a stage that gives %s than it has announced cuts the answer', async (_which, bodyBytes) => {
  const { client, telemetry } = await behind(await answering(OK), {
    staging: { revise: () => ({ stage: (next, source) => passing(next, source), bodyBytes }) },
  });
  expect(await client().send(get('/')).closed).not.toContain('0\r\n\r\n');
  expect(linesOf(telemetry)).toMatchObject([{ status: 500, code: 'INTERNAL' }]);
});

test('an upstream that breaks off cuts every stage once, and the client sees no whole answer', async () => {
  const service = await upstream();
  const cuts: string[] = [];
  const staging = (name: string): Partial<Filter> => ({
    revise: () => ({ stage: (next, source) => passing(next, source, { cut: () => cuts.push(name) }) }),
  });
  const { client, telemetry } = await behind(service, { first: staging('first'), second: staging('second') });
  const wire = client().send(get('/'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send(`${CHUNKED_OK}4\r\nhalf\r\n`);
  await wire.got('half');
  there.socket.destroy();
  expect(await wire.closed).not.toContain('0\r\n\r\n');
  expect(cuts).toEqual(['second', 'first']);
  expect(linesOf(telemetry)).toMatchObject([{ status: 502, code: 'UPSTREAM_RESET' }]);
});

test('a client that goes away cuts stages and upstream at once, also those that have the whole body already', async () => {
  const service = await upstream();
  const cuts: string[] = [];
  const { client, telemetry } = await behind(service, {
    // It has had its end, and hasn't said so yet.
    slow: {
      revise: () => ({ stage: (next, source) => passing(next, source, { end() {}, cut: () => cuts.push('slow') }) }),
    },
    quick: { revise: () => ({ stage: (next, source) => passing(next, source, { cut: () => cuts.push('quick') }) }) },
  });
  const waiting = client().send(get('/1'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send(`${CHUNKED_OK}2\r\nok\r\n0\r\n\r\n`);
  await waiting.got('ok');
  waiting.socket.destroy();
  await expect.poll(() => linesOf(telemetry), PATIENT).toMatchObject([{ status: 499, code: 'CANCELLED' }]);
  expect(cuts).toEqual(['slow']);

  const other = client().send(get('/2'));
  await there.clear().got('\r\n\r\n');
  there.send(`${CHUNKED_OK}2\r\nok\r\n`);
  await other.got('ok');
  other.socket.destroy();
  await there.closed;
  expect(cuts).toEqual(['slow', 'quick', 'slow']);
});

test('a stage that ends before its upstream has ended it ends the answer, and abandons the rest', async () => {
  const service = await upstream();
  const { client, telemetry } = await behind(service, {
    first: {
      revise: () => ({
        stage: (next, source) =>
          passing(next, source, {
            part(part) {
              next.part(part.subarray(0, 2));
              next.end(NO_TRAILERS);
              return true;
            },
          }),
      }),
    },
  });
  const wire = client().send(get('/'));
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.send(`${CHUNKED_OK}4\r\nlong\r\n`);
  expect(await wire.got('0\r\n\r\n')).toMatch(/2\r\nlo\r\n0\r\n\r\n$/);
  await there.closed;
  expect(linesOf(telemetry)).toMatchObject([{ status: 200 }]);
});
