// What other ways to share slots do to tenants: `node --conditions=@fairlead/source bench/subjects/scheduler.ts <name>`.

import type { SchedulerMaker } from '../load/fairness.ts';
import { fairnessRows } from '../load/fairness-rows.ts';
import { fairlead, fifo, roundRobin } from '../load/schedulers.ts';
import { printMeasurement } from './measurement.ts';

const makers: Readonly<Record<string, SchedulerMaker>> = {
  'no reserve': fairlead({ reserve: '0%' }),
  fifo,
  'round robin': roundRobin,
};

const [, , name = ''] = process.argv;
const maker = makers[name];
if (maker === undefined) throw new Error(`give one of ${Object.keys(makers).join(', ')}, not "${name}"`);
printMeasurement(await fairnessRows(maker));
