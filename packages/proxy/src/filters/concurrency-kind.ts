import { z } from 'zod';
import type { Filter, FilterFactory, LocalAnswer, Passage } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { fieldTemplate, readFieldTemplate } from './field-template.ts';

const schema = z.strictObject({
  type: z.literal('concurrency'),
  by: fieldTemplate.describe(
    'Who has a share of its own, such as {client-address}. Where it is empty, there is no limit.',
  ),
  max: z.int().min(1).describe('How many requests of one may be under way.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('Routes that name the same limit count together. Default: the route’s own.'),
  status: z.int().min(400).max(599).optional().describe('For those beyond it. Default 503.'),
});

type ConcurrencySpec = z.output<typeof schema>;

/** Limits how many requests are under way at a time: from when they meet it until their answer has ended. */
const make: FilterFactory<ConcurrencySpec> = ({ by, max, status = 503, ...spec }, world) => {
  const name = spec.name ?? world.route;
  // Those with another limit count together all the same.
  const underWay = world.kept(`concurrency ${name} ${by}`, () => new Map<string, number>());
  const counted = new WeakMap<Passage, string>();
  const key = readFieldTemplate(by);
  const refusal: LocalAnswer = {
    status,
    cause: 'OVERLOADED',
    detail: `There may be ${max} requests at a time; come back when one has ended.`,
    retryAfterMs: 1_000,
  };
  const filter: Filter = {
    type: 'concurrency',
    request(passage) {
      const who = typeof key === 'string' ? key : key(passage);
      if (who === '') return undefined;
      const count = underWay.get(who) ?? 0;
      if (count >= max) return refusal;
      underWay.set(who, count + 1);
      counted.set(passage, who);
      return undefined;
    },
    ended(passage) {
      const who = counted.get(passage);
      if (who === undefined) return;
      counted.delete(passage);
      const left = (underWay.get(who) ?? 1) - 1;
      if (left === 0) underWay.delete(who);
      else underWay.set(who, left);
    },
  };
  return filter;
};

/** `concurrency`: how many requests are under way at a time. */
export const concurrencyKind: FilterKind<ConcurrencySpec> = {
  type: 'concurrency',
  open: ['by', 'by.*', 'name'],
  schema,
  explain: ({ by, max }) => `lets ${max} requests at a time through for each ${by}`,
  make,
};
