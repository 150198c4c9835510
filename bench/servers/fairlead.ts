// The measured operation as a service runs it: validation, Context, spans that are exported, RED metrics, access lines; how
// much is recorded of them is for the environment to say, as for any service.

import { serveHttp, socketTransport } from '@fairlead/service';
import { quotesService, startService } from '../load/quotes-service.ts';
import { served } from '../load/served.ts';

const transport = socketTransport({ resolve: () => undefined });
const { instance, telemetry } = await startService(quotesService, {
  otlpUrl: process.env['BENCH_OTLP_URL'] ?? '',
  env: process.env,
  transport,
});
const path = process.env['BENCH_LISTEN'] === 'socket' ? process.env['BENCH_SOCKET_PATH'] : undefined;
const server = await serveHttp(instance, { listen: path === undefined ? { host: '127.0.0.1', port: 0 } : { path } });

served(path === undefined ? { port: Number(new URL(server.url).port) } : { path }, async () => {
  const text = await telemetry.metrics.exposition();
  const total = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce((sum, match) => sum + Number(match[1]), 0);
  return {
    exported: total('fairlead_telemetry_spans_exported_total'),
    dropped: total('fairlead_telemetry_spans_dropped_total'),
    unsampled: total('fairlead_telemetry_spans_unsampled_total'),
    omitted: total('fairlead_telemetry_access_lines_omitted_total'),
  };
});
