// Which share of the slots each of several tenants gets, and what a busy one does to the others:
// `node --conditions=@fairlead/source bench/subjects/fairness.ts <scheduler>`.

import { measureJain, measureVictims, type Cost, type SchedulerMaker } from '../load/fairness.ts';
import { fairlead, fifo, roundRobin } from '../load/schedulers.ts';
import { printMeasurement } from './measurement.ts';

const DURATION_MS = 60_000;

const makers: Readonly<Record<string, { readonly capped?: SchedulerMaker; readonly uncapped: SchedulerMaker }>> = {
  fairlead: { capped: fairlead({ cap: '50%' }), uncapped: fairlead({}) },
  'no reserve': { uncapped: fairlead({ reserve: '0%' }) },
  fifo: { uncapped: fifo },
  'round robin': { uncapped: roundRobin },
};

const [, , name = ''] = process.argv;
const maker = makers[name];
if (maker === undefined) throw new Error(`give one of ${Object.keys(makers).join(', ')}, not "${name}"`);

const measured: Record<string, number> = { 'fairness-jain': await measureJain(maker.uncapped, DURATION_MS) };
let rejected = 0;
for (const [suffix, make] of [
  ['-capped', maker.capped],
  ['', maker.uncapped],
] as const) {
  if (make === undefined) continue;
  for (const cost of ['10ms', '200ms', 'tail'] as const satisfies readonly Cost[]) {
    const victims = await measureVictims(make, cost, DURATION_MS);
    measured[`fairness-victim-p99-${cost}${suffix}`] = victims.p99Ratio;
    measured[`fairness-used-${cost}${suffix}`] = victims.utilisation * 100;
    rejected += victims.rejected;
  }
}
printMeasurement({ ...measured, 'fairness-victims-rejected': rejected });
