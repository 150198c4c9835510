import { expect, test } from 'vitest';
import { answering, get } from '../engine/engine.fixture.ts';
import { administered } from './admin.fixture.ts';

const KEPT = 'HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\ncache-tag: shoes\r\ncontent-length: 2\r\n\r\nok';

test('what a gateway has stored is listed, and asked for anew when it was purged', async () => {
  const origin = await answering(KEPT);
  const {
    get: ask,
    change,
    client,
  } = await administered({
    clusters: { pages: { endpoints: [origin.origin] } },
    routes: [{ name: 'pages', filters: [{ type: 'cache' }], to: 'pages' }],
  });
  const wire = client();
  const askedFor = async (): Promise<number> => {
    wire.clear().send(get('/a'));
    await wire.got(/ok$/);
    return origin.sockets.reduce((sum, { text }) => sum + text.split('GET /a').length - 1, 0);
  };
  expect([await askedFor(), await askedFor()]).toEqual([1, 1]);
  expect((await ask('/cache?most=5')).json()).toMatchObject({
    caches: [
      {
        zone: 'pages',
        store: 'memory',
        entries: 1,
        listed: [{ url: 'http://shop.test/a', status: 200, tags: ['shoes'] }],
      },
    ],
  });
  expect((await change('/cache/purge', { tag: 'hats' })).json()).toMatchObject({ processes: [{ count: 0 }] });
  expect(await askedFor()).toBe(1);
  expect((await change('/cache/purge', { tag: 'shoes' })).json()).toMatchObject({ processes: [{ count: 1 }] });
  expect(await askedFor()).toBe(2);
  await change('/cache/purge', { url: 'http://shop.test/a' });
  expect(await askedFor()).toBe(3);
  await change('/cache/purge', { all: true });
  expect(await askedFor()).toBe(4);
});
