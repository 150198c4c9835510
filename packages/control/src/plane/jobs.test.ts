import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { adminClient } from '../admin-client.ts';
import { serveAdmin } from './admin-server.ts';
import type { AuditEntry } from './audit.ts';
import { openControlPlane } from './control-plane.ts';

/** A plane with one service that answers what is listed, and nothing else. */
async function platformWith(answers: Readonly<Record<string, unknown>>) {
  const dir = await mkdtemp(join(tmpdir(), 'jobs-test-'));
  const plane = await openControlPlane({ platform: 'shop', secretsDir: dir, tenants: ['acme'] });
  const audited: AuditEntry[] = [];
  const credential = 'a-credential-of-this-test';
  const onInternal = (error: unknown): never => {
    throw error;
  };
  const admin = await serveAdmin(plane, { port: 0, credential, onInternal, audit: (entry) => audited.push(entry) });
  const service = createServer((incoming, response) => {
    const answer = answers[`${incoming.method} ${incoming.url}`];
    const type = answer === undefined ? 'application/problem+json' : 'application/json';
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': type });
    response.end(JSON.stringify(answer ?? { code: 'NOT_FOUND', detail: 'nothing of this name' }));
  });
  const socket = join(dir, 'stock.sock');
  await new Promise<void>((resolve) => service.listen(socket, resolve));
  const instance = { name: 'stock', kind: 'service', state: 'ready', pid: 1, restarts: 0, since: 0 } as const;
  plane.setInstances([{ ...instance, url: `unix:${socket}`, lastExit: undefined }]);
  return {
    client: adminClient({ url: admin.url, credential }),
    audited,
    async [Symbol.asyncDispose]() {
      await admin.close({ graceMs: 0 });
      service.closeAllConnections();
      await new Promise((resolve) => service.close(resolve));
      await rm(dir, { recursive: true });
    },
  };
}

test('jobs are listed, shown and changed where they are, and each change is written down', async () => {
  const dead = { id: 'j1', queue: 'mail', state: 'dead' };
  await using shop = await platformWith({
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
