// A plain reverse proxy (its name is the argument) in front of one origin, and the processor time that a request costs it.
// The proxy has one processor, load and origin have another; requests a second and core are what that time allows.

import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUsOf, startForeignProxy } from '../load/foreign-proxy.ts';
import { MEASURED_CPU, OTHER_CPU, pin } from '../load/pinned.ts';
import { startLoad } from '../load/requests.ts';
import { startServer } from '../load/server-process.ts';
import { printMeasurement } from './measurement.ts';

const CONNECTIONS = 64;
/** Enough for the compiler to have had its turn with the slowest of them. */
const WARM_UP_ANSWERS = 60_000;
const WARM_UP_AT_MOST_MS = 6_000;
const MEASURE_MS = 4_000;
/** What a browser sends, about. */
const HEADERS = {
  'user-agent': 'load/1.0 (linux; x64) like gecko',
  accept: 'application/json, text/plain, */*',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-US,en;q=0.9',
  cookie: 'session=0123456789abcdef0123456789abcdef',
};

const [name = 'fairlead'] = process.argv.slice(2);
pin(process.pid, OTHER_CPU);
await using origin = await startServer('servers/origin.ts');
const originPort = 'port' in origin.listening ? origin.listening.port : 0;
await using proxy = await startProxy();
pin(proxy.pid, MEASURED_CPU);
using load = startLoad({
  to: { port: proxy.port },
  connections: CONNECTIONS,
  method: 'GET',
  path: '/orders/123?expand=items',
  headers: HEADERS,
  body: '',
});
const warmBy = performance.now() + WARM_UP_AT_MOST_MS;
while (load.answers < WARM_UP_ANSWERS && performance.now() < warmBy) await Promise.race([sleep(50), load.failed]);
const before = { cpuUs: cpuUsOf(proxy.pid), answers: load.answers };
await Promise.race([sleep(MEASURE_MS), load.failed]);
const cpuUs = (cpuUsOf(proxy.pid) - before.cpuUs) / (load.answers - before.answers);
printMeasurement({ 'requests-a-core': 1e6 / cpuUs, 'cpu-us': cpuUs });

async function startProxy() {
  if (name === 'nginx' || name === 'haproxy') return startForeignProxy(name, originPort);
  const file = name === 'fairlead' ? 'servers/gateway.ts' : `peers/${name}.js`;
  const server = await startServer(file, { BENCH_ORIGIN_PORT: String(originPort) });
  return {
    port: 'port' in server.listening ? server.listening.port : 0,
    pid: server.pid,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
