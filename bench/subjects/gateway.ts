// A reverse proxy (its name and what it is to do are the arguments) in front of one origin, and the processor time that a request costs
// it. The proxy has one processor, load and origin have another; requests a second and core are what that time allows.

import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUsOf } from '../load/foreign-proxy.ts';
import { gatewayBed, sceneNamed } from '../load/gateway-bed.ts';
import { BULK_BYTES, SCENE_NAMES } from '../load/gateway-scenes.ts';
import { startLoad } from '../load/requests.ts';
import { printMeasurement } from './measurement.ts';

/** Enough for the compiler to have had its turn with the slowest of them. */
const WARM_UP_ANSWERS = 60_000;
const WARM_UP_AT_MOST_MS = 3_000;
const WINDOW_MS = 2_000;
const WINDOWS = 3;
/** Of its core, below which a proxy has waited for load or origin, and each look at its sockets finds less to do. */
const BUSY_PERCENT = 95;

const [name = 'fairlead', sceneText = 'plain'] = process.argv.slice(2);
await using bed = await gatewayBed(name, sceneNamed(sceneText, SCENE_NAMES));
const { proxy, scene } = bed;
using load = startLoad({ to: { port: proxy.port }, ...scene.load });
const warmBy = performance.now() + WARM_UP_AT_MOST_MS;
while (load.answers < WARM_UP_ANSWERS && performance.now() < warmBy) await Promise.race([sleep(50), load.failed]);
let best = await measured();
for (let windows = 1; windows < WINDOWS && best.busyPercent < BUSY_PERCENT; windows += 1) {
  const another = await measured();
  if (another.busyPercent > best.busyPercent) best = another;
}
const { cpuUs, busyPercent } = best;
printMeasurement({
  'cpu-us': cpuUs,
  'busy-percent': busyPercent,
  ...(sceneText.startsWith('bulk')
    ? { 'megabytes-a-core': (2 * BULK_BYTES) / cpuUs }
    : { 'requests-a-core': 1e6 / cpuUs }),
});

async function measured() {
  const before = { cpuUs: cpuUsOf(proxy.pid), answers: load.answers, atMs: performance.now() };
  await Promise.race([sleep(WINDOW_MS), load.failed]);
  const cpuUsUsed = cpuUsOf(proxy.pid) - before.cpuUs;
  return {
    cpuUs: cpuUsUsed / (load.answers - before.answers),
    busyPercent: cpuUsUsed / (performance.now() - before.atMs) / 10,
  };
}
