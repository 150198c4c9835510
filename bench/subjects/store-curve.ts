// Whether a queue that millions have gone through is as fast as a new one: `store-curve.ts [jobs]`, two million by default.

import { storeBed } from '../store/bed.ts';
import { curve } from '../store/working.ts';
import { spread } from '../statistics.ts';
import { printMeasurement } from './measurement.ts';

const STEPS = 20;
const WIDTH = 40;

const count = Number(process.argv[2] ?? 2_000_000);
const step = count / STEPS;
await using bed = await storeBed();
const rates = await curve(await bed.open(10), bed.context, count, step);
const highest = Math.max(...rates);
for (const [index, rate] of rates.entries()) {
  const bar = '█'.repeat(Math.round((rate / highest) * WIDTH));
  console.log(`${String((index + 1) * step).padStart(9)} ${bar.padEnd(WIDTH)} ${rate.toFixed(0)} jobs/s`);
}
// The first is the compiler's.
const early = spread(rates.slice(1, 6)).median;
const late = spread(rates.slice(-5)).median;
printMeasurement({ 'curve-first': early, 'curve-last': late, 'curve-last-vs-first': late / early });
