import { expect, test } from 'vitest';
import { get, running, upstream } from './engine.fixture.ts';

const routes = [{ name: 'all', to: 'shop', timeout: '10s', timeoutOf: 'silence' }];
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n';

test('a time of silence begins anew with each part, of the answer and of the body that goes on', async () => {
  const shop = await upstream();
  const { client, clock } = await running({ clusters: { shop: { endpoints: [shop.origin] } }, routes });
  const wire = client();
  wire.send('POST / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 4\r\n\r\nab');
  const behind = await shop.socket(0);
  await behind.got('ab');
  await clock.advance(9_000);
  wire.send('cd');
  await behind.got('abcd');
  await clock.advance(9_000);
  behind.send(HEAD);
  await wire.got('200 OK');
  for (const part of ['123', '456']) {
    await clock.advance(9_000);
    behind.send(part);
    await wire.got(part);
  }
  // Nobody is waited for any more.
  await clock.advance(30_000);
  expect(wire.text).not.toContain('504');
});

test('an upstream that says nothing for so long is given up', async () => {
  const shop = await upstream();
  const { client, clock } = await running({ clusters: { shop: { endpoints: [shop.origin] } }, routes });
  const wire = client().send(get('/'));
  await (await shop.socket(0)).got('\r\n\r\n');
  await clock.advance(9_999);
  expect(wire.text).toBe('');
  await clock.advance(1);
  await wire.got('UPSTREAM_SILENT');
  const cut = client().send(get('/'));
  const behind = await shop.socket(1);
  await behind.got('\r\n\r\n');
  behind.send(`${HEAD}123`);
  await cut.got('123');
  await clock.advance(10_000);
  expect(await cut.closed).toMatch(/123$/);
});
