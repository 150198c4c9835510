// Matches on what is known late, through the engine.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { answering, get, running, upstream } from '../engine/engine.fixture.ts';
import type { Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';

const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** Believes what `x-plan` says, and counts how often it was asked. */
function badge(): { readonly kind: FilterKind; asked: number } {
  const counting = {
    asked: 0,
    kind: {
      type: 'badge',
      schema: z.strictObject({ type: z.literal('badge') }),
      identifies: true,
      explain: () => 'believes x-plan',
      make: () => ({
        type: 'badge',
        request(passage: Passage) {
          counting.asked += 1;
          const plan = passage.fields.get('x-plan');
          if (plan === 'none') return { status: 401, cause: 'NOBODY', detail: 'There is no plan.' };
          passage.identity = plan === undefined ? undefined : { roles: [], scopes: [], claims: { plan } };
          return undefined;
        },
      }),
    },
  };
  return counting;
}

/** A request with a body. */
const post = (body: string, ...lines: string[]) =>
  `POST /orders HTTP/1.1\r\nHost: shop.test\r\ncontent-length: ${body.length}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;

test('claims decide after the filters for all routes, which each request meets once', async () => {
  const [gold, rest] = await Promise.all([answering(answer('by gold')), answering(answer('by rest'))]);
  const filter = badge();
  const { client } = await running(
    {
      filters: [{ type: 'badge' }],
      clusters: { gold: { endpoints: [gold.origin] }, rest: { endpoints: [rest.origin] } },
      routes: [
        { name: 'gold', match: { path: '/orders', claims: { plan: 'gold' } }, to: 'gold' },
        { name: 'rest', to: 'rest' },
      ],
    },
    { kinds: [filter.kind] },
  );
  await client().send(get('/orders', 'x-plan: gold')).got('by gold');
  await client().send(get('/orders', 'x-plan: tin')).got('by rest');
  await client().send(get('/orders')).got('by rest');
  expect(filter.asked).toBe(3);
  // Nobody is asked for a route that would not have been theirs: the filter's answer is the answer.
  await client().send(get('/orders', 'x-plan: none')).got('401');
  await client().send(get('/else', 'x-plan: gold')).got('by rest');
  expect(filter.asked).toBe(5);
});

test('a body decides, and goes on whole', async () => {
  const [refunds, rest] = await Promise.all([upstream(), upstream()]);
  const { client } = await running({
    clusters: { refunds: { endpoints: [refunds.origin] }, rest: { endpoints: [rest.origin] } },
    routes: [
      { name: 'refunds', match: { path: '/orders', body: { '/type': 'refund' }, bodyUpTo: '100B' }, to: 'refunds' },
      { name: 'rest', to: 'rest' },
    ],
  });
  const goesTo = async (service: typeof refunds, index: number, body: string) => {
    const asking = client().send(post(body));
    const there = await service.socket(index);
    await there.got(body);
    there.send(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok`);
    await asking.got('ok');
  };
  await goesTo(refunds, 0, '{"type":"refund","id":7}');
  await goesTo(rest, 0, '{"type":"sale"}');
  await goesTo(rest, 1, 'no JSON');
  // Larger than what is looked into.
  await goesTo(rest, 2, JSON.stringify({ type: 'refund', note: 'x'.repeat(100) }));
  expect([refunds.sockets.length, rest.sockets.length]).toEqual([1, 3]);
});
