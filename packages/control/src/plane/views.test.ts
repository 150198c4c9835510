import { expect, test } from 'vitest';
import { planeWithService } from './plane-with-service.fixture.ts';

test('projections and replicas are listed and rebuilt where they are, and each rebuild is written down', async () => {
  const view = { kind: 'projection', name: 'order-days', version: 2, active: 1, builds: [] };
  await using shop = await planeWithService('stock', {
    'GET /internal/views': { items: [view] },
    'POST /internal/views/order-days/rebuild': { name: 'order-days', build: 3 },
  });
  const { client, audited } = shop;
  const items = [{ ...view, service: 'stock' }];
  expect(await client.views()).toEqual({ items, partial: false, unanswered: [] });
  expect((await client.views({ service: 'stock' })).items).toEqual(items);
  await expect(client.views({ service: 'stok' })).rejects.toMatchObject({ code: 'UNKNOWN_SERVICE' });
  const place = { service: 'stock', view: 'order-days' };
  expect(await client.rebuildView(place)).toEqual({ service: 'stock', name: 'order-days', build: 3 });
  await expect(client.rebuildView({ ...place, view: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(audited).toEqual([{ action: 'view.rebuild', service: 'stock', target: 'order-days' }]);
});
