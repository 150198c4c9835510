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
  const dir = await mkdtemp(join(tmpdir(), 'views-test-'));
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

test('projections and replicas are listed and rebuilt where they are, and each rebuild is written down', async () => {
  const view = { kind: 'projection', name: 'order-days', version: 2, active: 1, builds: [] };
  await using shop = await platformWith({
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
