// How long requests take through a proxy (its name is the argument) at half of what it can do itself, and whether it had its core
// whenever it wanted it: half of the time it has nothing to do, so that being busy says nothing here.

import { setTimeout as sleep } from 'node:timers/promises';
import { waitedUsOf } from '../load/foreign-proxy.ts';
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
const before = { waitedUs: waitedUsOf(bed.proxy.pid), atMs: performance.now() };
await Promise.race([sleep(MEASURE_MS), load.failed]);
const waitedShare = (waitedUsOf(bed.proxy.pid) - before.waitedUs) / 1_000 / (performance.now() - before.atMs);
const taken = load.takenUs().toSorted((a, b) => a - b);
const at = (share: number): number => taken[Math.floor(taken.length * share)] ?? Number.NaN;
printMeasurement({
  'half-rate': capacity / 2,
  'undisturbed-percent': 100 * (1 - waitedShare),
  'p50-us': at(0.5),
  'p99-us': at(0.99),
});

async function capacityOf(): Promise<number> {
  using full = startLoad(options);
  await Promise.race([sleep(WARM_UP_MS), full.failed]);
  const begun = { answers: full.answers, atMs: performance.now() };
  await Promise.race([sleep(CAPACITY_MS), full.failed]);
  return ((full.answers - begun.answers) * 1_000) / (performance.now() - begun.atMs);
}
