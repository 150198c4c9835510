import { z } from 'zod';
import type { Filter, FilterFactory } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { fieldTemplate, readFieldTemplate } from './field-template.ts';

const schema = z.strictObject({
  type: z.literal('relocate'),
  rules: z
    .array(
      z.strictObject({
        from: z
          .string()
          .min(1)
          .describe(
            'What a Location begins with, as those behind the gateway know themselves: http://orders.internal/.',
          ),
        to: fieldTemplate.describe('What it begins with instead; may hold {scheme}, {host} and the like.'),
      }),
    )
    .min(1)
    .describe('The first that fits counts.'),
});

type RelocateSpec = z.output<typeof schema>;

/** Turns where upstreams send clients into what clients can reach. */
const make: FilterFactory<RelocateSpec> = ({ rules }) => {
  const read = rules.map(({ from, to }) => ({ from, to: readFieldTemplate(to) }));
  const filter: Filter = {
    type: 'relocate',
    revise(passage, { fields, cause }) {
      const location = cause === undefined ? fields.get('location') : undefined;
      if (location === undefined) return undefined;
      const rule = read.find(({ from }) => location.startsWith(from));
      if (rule === undefined) return undefined;
      const beginning = typeof rule.to === 'string' ? rule.to : rule.to(passage);
      return { fields: { location: `${beginning}${location.slice(rule.from.length)}` } };
    },
  };
  return filter;
};

/** `relocate`: where answers of upstreams send clients. */
export const relocateKind: FilterKind<RelocateSpec> = {
  type: 'relocate',
  open: ['rules.*.from', 'rules.*.to'],
  schema,
  explain: ({ rules }) => rules.map(({ from, to }) => `sends clients to ${to} instead of ${from}`).join(', '),
  make,
};
