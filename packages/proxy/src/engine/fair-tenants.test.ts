import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { get, OK, running, upstream, type UpstreamSocket } from './engine.fixture.ts';

const HELD_MS = 10;
const SOON = { timeout: 20_000, interval: 2 };
const consumers = ['busy', 'calm'].map((name) => ({
  name,
  tenant: name,
  keys: [`sha256:${createHash('sha256').update(name).digest('hex')}`],
}));

/** Who was served in which order, one at a time and each as long, when seven of one tenant wait and then two of another come. */
async function turns(fair: object): Promise<string> {
  const served: string[] = [];
  const begun: UpstreamSocket[] = [];
  const shop = await upstream((wire) => {
    wire.socket.on('data', (text) => {
      served.push(/\/(busy|calm)/.exec(String(text))?.[1] ?? '');
      begun.push(wire);
    });
  });
  const policy = { timeout: { total: '1h' }, concurrency: { limit: 1, queue: 20, wait: '1h', ...fair } };
  const { client, clock, engine } = await running({
    filters: [{ type: 'api-key', header: 'x-api-key', consumers }],
    clusters: { shop: { endpoints: [shop.origin], policy } },
  });
  let waiting = -1;
  const come = async (tenant: string) => {
    client().send(get(`/${tenant}`, `x-api-key: ${tenant}`));
    waiting += 1;
    // Each is in the queue before the next one comes; the first is not in it.
    if (waiting === 0) await expect.poll(() => served.length, SOON).toBe(1);
    else await expect.poll(() => engine.inspection.policies()[0]?.concurrency?.waiting, SOON).toBe(waiting);
  };
  for (const tenant of ['busy', 'busy', 'busy', 'busy', 'busy', 'busy', 'busy', 'busy', 'calm', 'calm'])
    await come(tenant);
  for (let count = 1; count <= 10; count += 1) {
    await expect.poll(() => served.length, SOON).toBe(count);
    await clock.advance(HELD_MS);
    begun.at(-1)?.send(OK);
  }
  return served.join(' ');
}

test('a tenant who floods a service waits for itself, and another one gets its turns', async () => {
  const order = await turns({ fair: {} });
  expect(order).toBe('busy calm busy calm busy busy busy busy busy busy');
});

test('without that it is first come, first served', async () => {
  expect(await turns({})).toMatch(/calm calm$/);
});
