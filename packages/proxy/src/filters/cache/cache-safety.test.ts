import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { get, running } from '../../engine/engine.fixture.ts';
import type { Passage } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { answer, ask, origin, type Asked } from './origin.fixture.ts';

/** A filter that edits requests as `edit` does. */
function editing(edit: (passage: Passage) => void): FilterKind<{ type: string }> {
  return {
    type: 'edit',
    schema: z.object({ type: z.literal('edit') }),
    explain: () => 'edits',
    make: () => ({
      type: 'edit',
      request(passage) {
        edit(passage);
        return undefined;
      },
    }),
  };
}

async function behind(
  edit: (passage: Passage) => void,
  handle: (asked: Asked) => string | undefined,
  filters = ['edit', 'cache'],
) {
  const server = await origin(handle);
  const gateway = await running(
    {
      routes: [{ name: 'all', to: 'shop', filters: filters.map((type) => ({ type })) }],
      clusters: { shop: { endpoints: [server.origin] } },
    },
    { kinds: [...FILTER_KINDS, editing(edit)] },
  );
  const fetch = (path: string, ...lines: string[]) => ask(gateway.client(), get(path, ...lines));
  return { server, fetch, ...gateway };
}

/** As long as a machine that has much to do may take. */
const SOON = { timeout: 20_000 };
const FRESH = 'cache-control: max-age=60';

test('what filters have set chooses the variant, not what the client claims', async () => {
  const { fetch, server } = await behind(
    (passage) => passage.setUpstream('x-device', passage.fields.get('user-agent')),
    ({ fields }) => answer(200, [FRESH, 'vary: x-device'], fields.get('x-device')),
  );
  for (const device of ['phone', 'desk', 'phone', 'desk'])
    expect((await fetch('/a', `user-agent: ${device}`, 'x-device: claimed')).body).toBe(device);
  expect(server.asked).toHaveLength(2);
});

test('requests that filters make others of are others', async () => {
  const { fetch, server } = await behind(
    (passage) => {
      const ring = passage.fields.get('x-ring');
      if (ring !== undefined) passage.upstreamTarget = `/${ring}${passage.path}`;
      passage.upstreamHost = passage.fields.get('x-shop');
    },
    ({ target, fields }) => answer(200, [FRESH], `${target} at ${fields.get('host')?.replace(/:\d+$/, '')}`),
  );
  for (let round = 0; round < 2; round += 1) {
    expect((await fetch('/a')).body).toBe('/a at 127.0.0.1');
    expect((await fetch('/a', 'x-ring: beta')).body).toBe('/beta/a at 127.0.0.1');
    expect((await fetch('/a', 'x-shop: other.test')).body).toBe('/a at other.test');
  }
  expect(server.asked).toHaveLength(3);
});

test('refusals, failures and answers to somebody in particular push nothing out', async () => {
  let said = answer(200, [FRESH, 'etag: "a"'], 'good');
  const { fetch, server } = await behind(
    () => {},
    () => said,
  );
  await fetch('/a');
  for (const [status, lines, ...asks] of [
    [429, [], 'cache-control: no-cache'],
    [401, [], 'cache-control: no-cache', 'authorization: x'],
    [500, [], 'cache-control: no-cache'],
    [200, [FRESH], 'cache-control: no-cache', 'authorization: x'],
    [200, [FRESH], 'cache-control: no-cache, no-store'],
  ] as const) {
    said = answer(status, lines, 'other');
    expect((await fetch('/a', ...asks)).status).toBe(status);
    expect((await fetch('/a')).body).toBe('good');
  }
  said = answer(404, [], 'gone');
  await fetch('/a', 'cache-control: no-cache');
  expect((await fetch('/a')).body).toBe('gone');
  expect(server.asked).toHaveLength(8);
});

test('what is asked for behind a client’s back is what would have been asked for, without its claims and conditions', async () => {
  const swr = 'cache-control: max-age=60, stale-while-revalidate=60';
  const { fetch, clock, server } = await behind(
    (passage) => passage.setUpstream('x-set', 'by a filter'),
    () => answer(200, [swr, 'etag: "a"', 'vary: accept-language'], 'x'),
  );
  await fetch('/a?b=1', 'accept-language: de');
  await clock.advance(70_000);
  const claims = ['x-fairlead-tenant: acme', 'x-forwarded-host: evil.test', 'if-none-match: "z"', 'x-own: 1'];
  expect((await fetch('/a?b=1', 'accept-language: de', ...claims)).body).toBe('x');
  const { target, fields } = await server.request(1);
  expect(target).toBe('/a?b=1');
  expect(Object.fromEntries(fields)).toMatchObject({
    'accept-language': 'de',
    'if-none-match': '"a"',
    'x-forwarded-host': 'shop.test',
    'x-forwarded-for': '127.0.0.1',
    'x-own': '1',
    'x-set': 'by a filter',
  });
  expect(fields.has('x-fairlead-tenant')).toBe(false);
});

test('where a filter stands behind the cache, who finds an answer stale asks anew, and others are given it meanwhile', async () => {
  const swr = 'cache-control: max-age=60, stale-while-revalidate=60';
  const { client, fetch, clock, server } = await behind(
    (passage) => passage.setUpstream('x-set', 'by a filter'),
    ({ index }) => (index === 1 ? undefined : answer(200, [swr], `answer ${index}`)),
    ['cache', 'edit'],
  );
  await fetch('/a');
  await clock.advance(70_000);
  const first = client().send(get('/a'));
  const { wire, fields } = await server.request(1);
  expect(fields.get('x-set')).toBe('by a filter');
  expect((await fetch('/a')).body).toBe('answer 0');
  wire.send(answer(200, [swr], 'answer 1'));
  await first.got('answer 1');
  expect((await fetch('/a')).body).toBe('answer 1');
});

test('large answers are streamed from disk to several clients at once, whole and in parts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-large-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7) % 251)).toString('latin1');
  const server = await origin(() => answer(200, [FRESH], body));
  const { client, engine } = await running({
    routes: [
      { name: 'all', to: 'shop', filters: [{ type: 'cache', store: { disk: '64MiB', folder }, maxObject: '8MiB' }] },
    ],
    clusters: { shop: { endpoints: [server.origin] } },
  });
  // Until what was there before has been looked for, nothing is stored.
  await expect
    .poll(async () => {
      await ask(client(), get('/a'));
      return engine.caches[0]?.report().entries;
    }, SOON)
    .toBe(1);
  const asked = server.asked.length;
  const got = await Promise.all([1, 2, 3].map(() => ask(client(), get('/a'))));
  for (const each of got) expect(each.body === body).toBe(true);
  const part = await ask(client(), get('/a', 'range: bytes=1000000-1999999'));
  expect(part.status).toBe(206);
  expect(part.body === body.slice(1_000_000, 2_000_000)).toBe(true);
  expect(server.asked).toHaveLength(asked);
});
