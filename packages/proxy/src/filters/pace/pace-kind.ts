import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { fieldTemplate, readFieldTemplate } from '../field-template.ts';
import { LeakyBuckets } from './leaky-bucket.ts';

const PER_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const MOST_KEYS = 10_000;

const rate = z.string().regex(/^[1-9]\d{0,8}\/[smh]$/, 'write a rate such as 10/s, 100/m or 1000/h');

const schema = z
  .strictObject({
    type: z.literal('pace'),
    by: fieldTemplate.describe(
      'Who has a pace of its own, such as {client-address}. Where it is empty, there is none.',
    ),
    rate: rate.describe('How many requests go on in how much time, one after the other.'),
    burst: z.int().min(0).optional().describe('How many may come sooner. Default 0.'),
    delayAfter: z
      .int()
      .min(0)
      .optional()
      .describe(
        'Of a burst, so many go on at once; the others wait for their turn. Default 0. As large as burst: nobody waits.',
      ),
    name: z.string().min(1).optional().describe('Routes that name the same pace share it. Default: the route’s own.'),
    status: z.int().min(400).max(599).optional().describe('For those for whom there is no room. Default 429.'),
    maxKeys: z.int().min(1).optional().describe('Of how many of them count is kept. Default 10000.'),
  })
  .superRefine(({ burst = 0, delayAfter = 0 }, context) => {
    if (delayAfter > burst)
      context.addIssue({ code: 'custom', path: ['delayAfter'], message: 'is more than burst, of which it is a part' });
  });

type PaceSpec = z.output<typeof schema>;

/** Lets requests go on at an even pace: those that come sooner wait, and for those beyond the burst there is no room. */
const make: FilterFactory<PaceSpec> = (spec, world) => {
  const { clock } = world;
  const { by, burst = 0, delayAfter = 0, maxKeys = MOST_KEYS, status = 429 } = spec;
  const name = spec.name ?? world.route;
  const [count = '1', unit = 's'] = spec.rate.split('/');
  const perMs = Number(count) / (PER_MS[unit] ?? 1_000);
  const buckets = world.kept(
    `pace ${name} ${JSON.stringify([by, spec.rate, burst, delayAfter, maxKeys])}`,
    () => new LeakyBuckets({ perMs, burst, delayAfter, maxKeys }),
  );
  const key = readFieldTemplate(by);
  const refusal: LocalAnswer = {
    status,
    cause: 'RATE_LIMITED',
    detail: `There were more requests than ${count} in ${unit === 's' ? 'a second' : unit === 'm' ? 'a minute' : 'an hour'}; come back later.`,
    retryAfterMs: Math.ceil(1 / perMs),
  };
  const filter: Filter = {
    type: 'pace',
    request(passage) {
      const who = typeof key === 'string' ? key : key(passage);
      if (who === '') return undefined;
      const waitMs = buckets.admit(who, clock.monotonic());
      if (waitMs === undefined) return refusal;
      if (waitMs < 1) return undefined;
      return clock.sleep(waitMs, passage.ctx.signal).then(() => undefined);
    },
  };
  return filter;
};

/** `pace`: how many requests go on in a time, evenly. */
export const paceKind: FilterKind<PaceSpec> = {
  type: 'pace',
  open: ['by', 'by.*', 'rate', 'name'],
  schema,
  explain: ({ by, rate: written, burst = 0, delayAfter = 0 }) =>
    `lets ${written} through for each ${by}${burst === 0 ? '' : `, and ${burst} more at once, of whom ${burst - delayAfter} wait for their turn`}`,
  make,
};
