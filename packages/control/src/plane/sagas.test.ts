import { expect, test } from 'vitest';
import { planeWithService } from './plane-with-service.fixture.ts';

const RUN = {
  saga: 'checkout',
  id: 'order 42',
  status: 'parked',
  startedAt: 1,
  updatedAt: 2,
  steps: 3,
  attributes: {},
};
const PLACE = { service: 'orders', saga: 'checkout', id: 'order 42' };
const PATH = '/internal/sagas/checkout/order%2042';

test('runs are listed and shown where they are', async () => {
  await using shop = await planeWithService('orders', {
    'GET /internal/sagas': { items: [RUN], next: 'run/x' },
    [`GET ${PATH}`]: { ...RUN, input: {}, journal: [], failing: [], signals: [], seed: 's' },
  });
  const { client, asked } = shop;
  const found = await client.sagas({ service: 'orders', status: 'parked', saga: 'checkout', attribute: 'card=visa' });
  expect(found).toEqual({ items: [{ ...RUN, service: 'orders' }], next: 'run/x', partial: false, unanswered: [] });
  expect(new URLSearchParams(asked[0]?.split('?')[1]).get('attribute')).toBe('card=visa');
  expect(await client.saga(PLACE)).toMatchObject({ service: 'orders', id: 'order 42', journal: [] });
  await expect(client.saga({ ...PLACE, id: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.sagas({ service: 'order' })).rejects.toMatchObject({ code: 'UNKNOWN_SERVICE' });
});

test('decisions are carried out where the run is, and written down without what signals and results say', async () => {
  const refused = { ...RUN, kind: 'refused', why: 'It has ended.' };
  await using shop = await planeWithService('orders', {
    [`POST ${PATH}/resolve`]: { kind: 'done' },
    [`POST ${PATH}/retry`]: refused,
    [`POST ${PATH}/signal`]: { kind: 'sent' },
  });
  const { client, audited, asked } = shop;
  expect(await client.changeSaga(PLACE, 'resolve', { note: 'by hand', result: '{"a":1}' })).toEqual({
    ...PLACE,
    kind: 'done',
  });
  expect(asked[0]).toContain('note=by+hand&result=%7B%22a%22%3A1%7D');
  expect(await client.changeSaga(PLACE, 'retry')).toMatchObject({ kind: 'refused', why: 'It has ended.' });
  await client.changeSaga(PLACE, 'signal', { name: 'approved', data: '"a secret"' });
  await expect(client.changeSaga(PLACE, 'skip')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const common = { service: 'orders', target: 'checkout order 42' };
  expect(audited).toEqual([
    { action: 'saga.resolve', ...common, details: { note: 'by hand', kind: 'done' } },
    { action: 'saga.retry', ...common, details: { kind: 'refused' } },
    { action: 'saga.signal', ...common, details: { name: 'approved', kind: 'sent' } },
  ]);
});
