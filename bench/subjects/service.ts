// Loads one server (its name is the argument) and measures what it answers and what processor time that takes.

import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYTHING } from '../load/everything.ts';
import { gatewayHeaders } from '../load/gateway-headers.ts';
import { QUOTE_REQUEST } from '../load/quote.ts';
import { startLoad } from '../load/requests.ts';
import { startServer } from '../load/server-process.ts';
import { startSpanSink } from '../load/span-sink.ts';
import { printMeasurement } from './measurement.ts';

const CONNECTIONS = 32;
/** Enough for the compiler to have had its turn with the slowest of them. */
const WARM_UP_ANSWERS = 40_000;
const WARM_UP_AT_MOST_MS = 6_000;
const MEASURE_MS = 3_000;

const [name = 'fairlead', listen = 'port'] = process.argv.slice(2);
/** Ours, as it is by default and with everything recorded. */
const isOurs = name === 'fairlead' || name === 'everything';
const file = isOurs ? 'servers/fairlead.ts' : `peers/${name}.js`;
using sink = await startSpanSink();
await using server = await startServer(file, {
  ...(name === 'everything' ? EVERYTHING : {}),
  BENCH_OTLP_URL: sink.url,
  BENCH_LISTEN: listen,
});
using load = startLoad({
  to: server.listening,
  connections: CONNECTIONS,
  path: '/quotes',
  headers: headersWithoutTrace(),
  body: JSON.stringify(QUOTE_REQUEST),
});
const warmBy = performance.now() + WARM_UP_AT_MOST_MS;
while (load.answers < WARM_UP_ANSWERS && performance.now() < warmBy) await Promise.race([sleep(50), load.failed]);
const before = { ...(await server.usage()), answers: load.answers, atMs: performance.now() };
await Promise.race([sleep(MEASURE_MS), load.failed]);
const after = { ...(await server.usage()), answers: load.answers, atMs: performance.now() };

const answers = after.answers - before.answers;
const spans = {
  exported: after.exported - before.exported,
  dropped: after.dropped - before.dropped,
  unsampled: after.unsampled - before.unsampled,
};
const recorded = spans.exported + spans.dropped;
const omitted = after.omitted - before.omitted;
printMeasurement({
  requests: (answers * 1000) / (after.atMs - before.atMs),
  'cpu-us': (after.cpuUs - before.cpuUs) / answers,
  ...(isOurs
    ? {
        'spans-exported': (100 * spans.exported) / recorded,
        'spans-recorded': (100 * recorded) / (recorded + spans.unsampled),
        'lines-written': (100 * (answers - omitted)) / answers,
      }
    : {}),
});

/** What the gateway sends, but for the trace: it begins at the server, which decides whether it is recorded. */
function headersWithoutTrace(): Record<string, string> {
  const { traceparent: _, ...headers } = gatewayHeaders();
  return headers;
}
