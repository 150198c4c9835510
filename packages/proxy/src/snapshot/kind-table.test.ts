import { expect, test } from 'vitest';
import { FILTER_KINDS } from './filter-kinds.ts';
import { FILTER_TYPES, kindsIn } from './kind-table.ts';
import { snapshotOf } from './snapshot-of.ts';

test('the table leads to every kind, each by its type', async () => {
  expect(FILTER_TYPES).toEqual(FILTER_KINDS.map(({ type }) => type));
  const loaded = await kindsIn(FILTER_TYPES.map((type) => ({ type })));
  expect(loaded).toEqual(FILTER_KINDS);
});

test('a configuration has the kinds of its filters and of those within them, and no others', async () => {
  const { kinds } = await snapshotOf(
    {
      listeners: [{ name: 'web', address: '127.0.0.1:0' }],
      filters: [{ type: 'when', is: { path: '/headers' }, filters: [{ type: 'correlation-id', header: 'x-call' }] }],
      routes: [{ name: 'a', match: { path: '/headers' }, filters: [{ type: 'respond', status: 204 }] }],
      clusters: {},
    },
    { origin: 'test', loadedAtMs: 0 },
  );
  expect(kinds.map(({ type }) => type)).toEqual(['respond', 'when', 'correlation-id']);
});

test('whoever writes a filter that there is not is told of all that there are', async () => {
  const refused = (type: string) =>
    expect(
      snapshotOf(
        { listeners: [{ name: 'web', address: ':80' }], filters: [{ type }], routes: [], clusters: {} },
        { origin: 'test', loadedAtMs: 0 },
      ),
    ).rejects;
  await refused('jtw').toThrow('did you mean jwt?');
  await refused('something-else').toThrow(`there are: ${FILTER_TYPES.join(', ')}`);
});
