import { expect, test } from 'vitest';
import { OK, answering, get, running } from '../engine/engine.fixture.ts';
import { filterWorld } from './passage.fixture.ts';
import { headersKind } from './headers-kind.ts';

/** A request that went through a filter `headers`, with what was set of it. */
function edited(spec: object, facts: Parameters<ReturnType<typeof filterWorld>['passage']>[0] = {}, status = 200) {
  const world = filterWorld();
  const filter = headersKind.make(headersKind.schema.parse({ type: 'headers', ...spec }), world);
  const passage = world.passage(facts);
  void filter.request?.(passage);
  filter.answer?.(passage, status);
  return passage;
}

test('placeholders of the query, of cookies and of forwarded addresses are as they were spelled', () => {
  const names = ['query', 'search', 'target', 'parameter:a', 'parameter:b', 'cookie:ring', 'forwarded-for'];
  const set = Object.fromEntries(names.map((name) => [`x-${name.replace(':', '-')}`, `{${name}}`]));
  const said = (facts: object) => [...edited({ request: { set } }, facts).upstream.values()];
  expect(
    said({ path: '/p', query: '?a=%20x&b', headers: { cookie: 'ring=1', 'x-forwarded-for': '10.0.0.1' } }),
  ).toEqual(['a=%20x&b', '?a=%20x&b', '/p?a=%20x&b', '%20x', '', '1', '10.0.0.1, 192.0.2.1']);
  expect(said({ path: '/p', query: '?' })).toEqual(['', '', '/p?', '', '', '', '192.0.2.1']);
});

test('fields that would be empty are left out where that is wanted', () => {
  const set = { 'x-a': '{header:x-who}', 'x-b': 'b' };
  expect([...edited({ request: { set } }).upstream]).toEqual([
    ['x-a', ''],
    ['x-b', 'b'],
  ]);
  expect([...edited({ request: { set, omitEmpty: true } }).upstream]).toEqual([
    ['x-a', undefined],
    ['x-b', 'b'],
  ]);
});

test('fields of answers may be for those that went well', () => {
  const answer = { set: { 'x-a': 'a' }, on: 'success' };
  expect(edited({ answer }, {}, 201).answered.get('x-a')).toBe('a');
  expect(edited({ answer }, {}, 404).answered.has('x-a')).toBe(false);
});

test('a host is set, and lines stand beside those that come', async () => {
  const shop = await answering(OK.replace('content-length', 'x-of: shop\r\ncontent-length'));
  const filters = [
    {
      type: 'headers',
      request: { set: { host: '{header:host}' }, append: { 'x-a': ['1', '2'] } },
      answer: { append: { 'x-of': 'edge', 'set-cookie': ['a=1', 'b=2'] } },
    },
  ];
  const { client } = await running({ clusters: { shop: { endpoints: [shop.origin] } }, filters });
  const answer = await client().send(get('/', 'X-A: 0')).got('ok');
  const asked = (await shop.socket(0)).text;
  expect(asked.match(/^(?:host|x-a): .*/gim)).toEqual(['host: shop.test', 'X-A: 0', 'x-a: 1', 'x-a: 2']);
  expect(answer.match(/^(?:x-of|set-cookie): .*/gim)).toEqual([
    'x-of: shop',
    'x-of: edge',
    'set-cookie: a=1',
    'set-cookie: b=2',
  ]);
});
