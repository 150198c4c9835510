// Workflows of three steps, those that sleep and those whose process dies, and commands to deciders, on the embedded Postgres with fsync on.

import { deciding } from '../events/deciding.ts';
import { recovering } from '../events/recovering.ts';
import { working } from '../events/working.ts';
import { storeBed } from '../store/bed.ts';
import { printMeasurement } from './measurement.ts';

await using bed = await storeBed();
const { context } = bed;
const runs = await working(await bed.open(10), context);
const decided = await deciding(await bed.open(4), context);
const recovered = await recovering(await bed.open(10), bed.url, context);
printMeasurement({ ...runs, ...decided, 'decider-vs-bare': decided.decider / decided['decider-bare'], ...recovered });
