import { expect, test } from 'vitest';
import { z } from 'zod';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { answering, get, OK, running, upstream, written } from './engine.fixture.ts';
import type { FilterWorld } from './filter.ts';

/** A filter that counts in state that is kept, and says when it is closed. */
function counting(): { readonly kind: FilterKind; readonly counts: { closed: number; stateClosed: number } } {
  const counts = { closed: 0, stateClosed: 0 };
  const schema = z.strictObject({ type: z.literal('count'), refuses: z.boolean().optional() });
  const kind = {
    type: 'count',
    schema,
    explain: () => 'counts',
    make: (spec: z.output<typeof schema>, world: FilterWorld) => {
      if (spec.refuses === true) throw new RangeError('count refuses to be made');
      const state = world.kept('count', () => ({ seen: 0, close: () => void (counts.stateClosed += 1) }));
      return {
        type: 'count',
        request: (passage: { setAnswer(name: string, value: string): void }) => {
          state.seen += 1;
          passage.setAnswer('x-count', String(state.seen));
          return undefined;
        },
        close: () => void (counts.closed += 1),
      };
    },
  };
  // `as`: the kind is one of its own specification only.
  return { kind: kind as unknown as FilterKind, counts };
}

test('requests meet the new snapshot at once, those under way end with the old one, and kept state and connections go on', async () => {
  const service = await upstream();
  const { kind, counts } = counting();
  const clusters = { orders: { endpoints: [service.origin] } };
  const { engine, client } = await running({ clusters, filters: [{ type: 'count' }] }, { kinds: [kind] });
  const early = client().send(get('/early'));
  const there = await service.socket(0);
  await there.got('/early');

  const routes = [{ name: 'new', match: { path: { prefix: '/new' } }, to: 'orders' }];
  const next = written({ clusters, routes, filters: [{ type: 'count' }] }, [kind]);
  await engine.swap(next);
  expect(engine.hash).toBe(next.hash);
  expect(await client().send(get('/early')).got('NO_ROUTE')).toContain('404');
  expect(counts).toEqual({ closed: 0, stateClosed: 0 });

  there.clear().send(OK);
  expect(await early.got('ok')).toContain('x-count: 1\r\n');
  await expect.poll(() => counts.closed).toBe(1);
  const late = client().send(get('/new'));
  await there.got('/new');
  there.send(OK);
  expect(await late.got('ok')).toContain('x-count: 2\r\n');
  expect(service.sockets).toHaveLength(1);
  await engine.close();
  expect(counts).toEqual({ closed: 2, stateClosed: 1 });
});

test('a snapshot that can not be put to work leaves the old one as it is', async () => {
  const service = await answering(OK);
  const { kind } = counting();
  const clusters = { orders: { endpoints: [service.origin] } };
  const { engine, client } = await running({ clusters }, { kinds: [kind] });
  const { hash } = engine;
  await expect(engine.swap(written({ clusters, filters: [{ type: 'count', refuses: true }] }, [kind]))).rejects.toThrow(
    'count refuses to be made',
  );
  expect(engine.hash).toBe(hash);
  await client().send(get('/')).got('ok');
});

test('no request fails while snapshots follow each other', async () => {
  const services = await Promise.all([answering(OK), answering(OK)]);
  const snapshots = services.map((service, at) =>
    written({ clusters: { orders: { endpoints: [service.origin] } }, routes: [{ name: `r${at}`, to: 'orders' }] }),
  );
  const { engine, client } = await running({ clusters: { orders: { endpoints: [services[0]?.origin ?? ''] } } });
  const wires = Array.from({ length: 4 }, () => client());
  let isSwapping = true;
  const load = wires.map(async (wire) => {
    let answers = 0;
    while (isSwapping) {
      await wire.clear().send(get('/')).got('\r\n\r\nok');
      if (wire.text.startsWith('HTTP/1.1 200 ')) answers += 1;
      else throw new Error(wire.text);
    }
    return answers;
  });
  for (let round = 0; round < 50; round += 1) {
    const next = snapshots[round % 2];
    if (next !== undefined) await engine.swap(next);
    await new Promise((resolve) => setImmediate(resolve));
  }
  isSwapping = false;
  for (const answers of await Promise.all(load)) expect(answers).toBeGreaterThan(0);
  // Both have been asked: the endpoint of a cluster that stays is another one.
  for (const service of services) expect(service.sockets.length).toBeGreaterThan(0);
});
