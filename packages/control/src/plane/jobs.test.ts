import { expect, test } from 'vitest';
import { planeWithService } from './plane-with-service.fixture.ts';

test('jobs are listed, shown and changed where they are, and each change is written down', async () => {
  const dead = { id: 'j1', queue: 'mail', state: 'dead' };
  await using shop = await planeWithService('stock', {
    'GET /internal/queues': { items: [{ queue: 'mail', waiting: 2, dead: 1 }] },
    'GET /internal/jobs?state=dead&queue=mail&limit=100': { items: [dead], next: 'j1' },
    'GET /internal/jobs/j1': { ...dead, payload: { to: 'a' } },
    'POST /internal/jobs/j1/cancel': { id: 'j1', kind: 'cancelled' },
    'POST /internal/dead-jobs/redrive?queue=mail&perSecond=5': { count: 3 },
    'POST /internal/dead-jobs/discard?id=j1': { count: 1 },
    'POST /internal/queues/mail/pause': { queue: 'mail', paused: true },
    'POST /internal/queues/mail/resume': { queue: 'mail', paused: false },
  });
  const { client, audited } = shop;
  expect((await client.queues()).items).toEqual([{ queue: 'mail', waiting: 2, dead: 1, service: 'stock' }]);
  expect(await client.jobs({ service: 'stock', state: 'dead', queue: 'mail' })).toEqual({
    items: [{ ...dead, service: 'stock' }],
    next: 'j1',
    partial: false,
    unanswered: [],
  });
  const place = { service: 'stock', id: 'j1' };
  expect(await client.job(place)).toEqual({ ...dead, payload: { to: 'a' }, service: 'stock' });
  expect(await client.cancelJob(place)).toMatchObject({ kind: 'cancelled' });
  expect(await client.changeDeadJobs('stock', 'redrive', { queue: 'mail', perSecond: 5 })).toEqual({
    service: 'stock',
    count: 3,
  });
  await client.changeDeadJobs('stock', 'discard', { id: 'j1' });
  await client.changeQueue({ service: 'stock', queue: 'mail' }, 'pause');
  await client.changeQueue({ service: 'stock', queue: 'mail' }, 'resume');
  await expect(client.job({ service: 'stock', id: 'j2' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.jobs({ service: 'stok' })).rejects.toMatchObject({ code: 'UNKNOWN_SERVICE' });
  expect(audited).toEqual([
    { action: 'job.cancel', service: 'stock', target: 'j1' },
    { action: 'job.redrive', service: 'stock', target: '3 jobs', details: { queue: 'mail', perSecond: 5 } },
    { action: 'job.discard', service: 'stock', target: '1 job', details: { id: 'j1' } },
    { action: 'queue.pause', service: 'stock', target: 'mail' },
    { action: 'queue.resume', service: 'stock', target: 'mail' },
  ]);
});
