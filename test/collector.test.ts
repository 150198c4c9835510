import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { customer } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

test.each(['processes', 'single'])(
  "spans of all services reach a person's own OTLP collector: %s",
  async (topology) => {
    const services = new Set<string>();
    const collector = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        type Export = {
          resourceSpans: { resource: { attributes: { key: string; value: { stringValue?: string } }[] } }[];
        };
        for (const { resource } of (JSON.parse(text) as Export).resourceSpans) {
          services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '?');
        }
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const dataDir = await mkdtemp(join(tmpdir(), 'fairlead-collector-'));
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    try {
      await using shop = await new RunningShop(dataDir, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).start(
        '--topology',
        topology,
      );
      const alice = await customer(shop, 'acme', 'alice');
      const placed = await alice.place([{ sku: 'KNIFE', quantity: 1 }], randomUUID());
      await alice.ended(placed.body.id);
      await expect
        .poll(() => [...services].toSorted())
        .toEqual(['catalog', 'gateway', 'inventory', 'notifications', 'orders', 'payments']);
    } finally {
      collector.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);
