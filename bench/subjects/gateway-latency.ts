// How long requests take through a proxy (its name is the argument) at half of what it can do itself.

import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayBed } from '../load/gateway-bed.ts';
import { startLoad, type LoadOptions } from '../load/requests.ts';
import { printMeasurement } from './measurement.ts';

const WARM_UP_MS = 2_000;
const CAPACITY_MS = 2_000;
const SETTLE_MS = 500;
const MEASURE_MS = 3_000;

const [name = 'fairlead'] = process.argv.slice(2);
await using bed = await gatewayBed(name, 'plain');
const options: LoadOptions = { to: { port: bed.proxy.port }, ...bed.scene.load };
const capacity = await capacityOf();
using load = startLoad({ ...options, perSecond: capacity / 2 });
await Promise.race([sleep(SETTLE_MS), load.failed]);
load.takenUs();
await Promise.race([sleep(MEASURE_MS), load.failed]);
const taken = load.takenUs().toSorted((a, b) => a - b);
const at = (share: number): number => taken[Math.floor(taken.length * share)] ?? Number.NaN;
printMeasurement({ 'half-rate': capacity / 2, 'p50-us': at(0.5), 'p99-us': at(0.99) });

async function capacityOf(): Promise<number> {
  using full = startLoad(options);
  await Promise.race([sleep(WARM_UP_MS), full.failed]);
  const before = { answers: full.answers, atMs: performance.now() };
  await Promise.race([sleep(CAPACITY_MS), full.failed]);
  return ((full.answers - before.answers) * 1_000) / (performance.now() - before.atMs);
}
