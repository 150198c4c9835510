// `node --conditions=@fairlead/source bench/subjects/storm.ts <variant>` measures one; without a variant all are drawn.

import { answeredShare, chart, goodput } from '../storm/chart.ts';
import { storm, type StormSecond } from '../storm/storm.ts';
import { VARIANTS, type Variant } from '../storm/variants.ts';
import { printMeasurement } from './measurement.ts';

const seed = 'storm';
const variants: ReadonlyMap<string, Variant> = new Map(Object.entries(VARIANTS));
const [name] = process.argv.slice(2);

if (name === undefined) {
  const storms: Record<string, readonly StormSecond[]> = {};
  for (const [each, variant] of variants) storms[each] = await storm({ ...variant, seed });
  console.log(chart(storms));
} else {
  const variant = variants.get(name);
  if (variant === undefined)
    throw new Error(`There is no variant "${name}"; there are ${[...variants.keys()].join(', ')}.`);
  const seconds = await storm({ ...variant, seed });
  printMeasurement({
    'storm-goodput': 100 * goodput(seconds, 'overload'),
    'storm-after': Math.min(100, 100 * answeredShare(seconds, 'after')),
  });
}
