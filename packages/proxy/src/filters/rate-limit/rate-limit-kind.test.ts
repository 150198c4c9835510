import { expect, test } from 'vitest';
import { get, OK, running, upstream } from '../../engine/engine.fixture.ts';
import { rateLimitKind } from './rate-limit-kind.ts';

const read = (rates: unknown) => rateLimitKind.schema.safeParse({ type: 'rate-limit', by: 'ip', rates });

test('rates that contradict each other are refused, with the place, both rates and what to do', () => {
  expect(read(['100/s', { rate: '10/m', name: 'minute' }]).error?.issues).toMatchObject([
    {
      path: ['rates', 0],
      message: expect.stringMatching(
        /^"100\/s" is never reached: "10\/m" in rates\[1\] .*let the longer time have more$/,
      ),
    },
  ]);
  expect(read(['10/m', '100/m']).error?.issues).toMatchObject([{ path: ['rates', 1] }]);
});

test.each([[['100/s', '1000/m']], [['100/s', { rate: '1000/m', burst: 50 }]], [['1/s', '1/m']], [['5/s']]])(
  '%j are fine',
  (rates) => expect(read(rates).success).toBe(true),
);

test('a rate that is wrong by itself is told of once', () => {
  expect(read(['fast', '10/m']).error?.issues).toHaveLength(1);
});

test.each([
  ['for all routes, when it has a name', { name: 'all' }, 429],
  ['for each route apart, when it has none', {}, 200],
])('a limit at the top counts %s', async (_title, named, status) => {
  const shop = await upstream((wire) => wire.socket.on('data', () => wire.send(OK)));
  const { client } = await running({
    filters: [{ type: 'rate-limit', by: 'ip', rates: ['1/m'], ...named }],
    routes: ['a', 'b'].map((name) => ({ name, match: { path: `/${name}` }, to: 'shop' })),
    clusters: { shop: { endpoints: [shop.origin] } },
  });
  const statusOf = async (path: string) => (await client().send(get(path)).got('\r\n\r\n')).split(' ')[1];
  expect(await statusOf('/a')).toBe('200');
  expect(await statusOf('/a')).toBe('429');
  expect(await statusOf('/b')).toBe(String(status));
});
