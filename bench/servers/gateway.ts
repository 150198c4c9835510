// Our engine as a plain reverse proxy: one route by prefix, metrics, access lines and traces as they are by default.
import { createWriteStream, writeFileSync } from 'node:fs';
import { realClock, realRandom } from '@fairlead/core';
import { loadSnapshot, startEngine } from '@fairlead/proxy';
import { createTelemetry } from '@fairlead/telemetry';
import { served } from '../load/served.ts';

const clock = realClock();
const random = realRandom();
const lines = createWriteStream('/dev/null');
const destination = { write: (line: string): void => void lines.write(line) };
const telemetry = createTelemetry({ service: 'gateway', clock, random, logFormat: 'json', destination });
const file = `${process.env['BENCH_SOCKET_PATH']}.json`;
writeFileSync(
  file,
  JSON.stringify({
    listeners: [{ name: 'web', address: '127.0.0.1:0' }],
    routes: [{ name: 'orders', match: { path: '/orders' }, to: 'orders' }],
    clusters: { orders: { endpoints: [`http://127.0.0.1:${process.env['BENCH_ORIGIN_PORT']}`] } },
  }),
);
const snapshot = await loadSnapshot(file, { clock });
const engine = await startEngine({ snapshot, clock, random, telemetry });
served({ port: Number(new URL(engine.urls.get('web') ?? '').port) });
