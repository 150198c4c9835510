import { expect, test } from 'vitest';
import { answering, get, OK, running, upstream } from '../engine/engine.fixture.ts';
import { filterOf } from '../engine/filter-of.fixture.ts';
import { serverTimingKind } from './server-timing-kind.ts';

const timings = (answer: string) => [...answer.matchAll(/^server-timing: (.*)\r$/gim)].map(([, value]) => value);

test('an answer says how long its head took, what came before the upstream included, and what the upstream said stays', async () => {
  const service = await upstream();
  const reached = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const slow = filterOf('slow', () => ({
    async request() {
      reached.resolve();
      await leave.promise;
      return undefined;
    },
  }));
  const { client, clock } = await running(
    { clusters: { orders: { endpoints: [service.origin] } }, filters: [{ type: 'server-timing' }, { type: 'slow' }] },
    { kinds: [serverTimingKind, slow] },
  );
  const wire = client().send(get('/'));
  await reached.promise;
  await clock.advance(5);
  leave.resolve();
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  await clock.advance(12.5);
  there.send('HTTP/1.1 200 OK\r\nserver-timing: db;dur=3\r\ncontent-length: 2\r\n\r\nok');
  expect(timings(await wire.got('ok'))).toEqual(['db;dur=3', 'upstream;dur=12.5, total;dur=17.5']);
});

test('where no upstream has answered, there is the whole alone', async () => {
  const service = await answering(OK);
  const { client } = await running({
    clusters: { orders: { endpoints: [service.origin] }, nobody: { endpoints: ['http://127.0.0.1:1'] } },
    routes: [
      {
        name: 'here',
        match: { path: '/here' },
        filters: [{ type: 'server-timing' }, { type: 'respond', body: 'here' }],
      },
      { name: 'nobody', match: { path: '/nobody' }, filters: [{ type: 'server-timing' }], to: 'nobody' },
      { name: 'all', to: 'orders' },
    ],
  });
  expect(timings(await client().send(get('/here')).got('\r\n\r\nhere'))).toEqual(['total;dur=0.0']);
  expect(timings(await client().send(get('/nobody')).got('UNAVAILABLE'))).toEqual(['total;dur=0.0']);
  // Who hasn't asked for it tells nobody.
  expect(timings(await client().send(get('/')).got('ok'))).toEqual([]);
});
