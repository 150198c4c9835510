import { z } from 'zod';
import type { Filter, FilterFactory } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { fieldTemplate, readFieldTemplate } from './field-template.ts';

const schema = z.strictObject({
  type: z.literal('affinity'),
  by: fieldTemplate.describe('What requests that belong together have in common, such as {cookie:session}.'),
});

type AffinitySpec = z.output<typeof schema>;

/** Says which requests belong together; balancers that hash (`ring-hash`, `maglev`) bring them to the same endpoint. */
const make: FilterFactory<AffinitySpec> = ({ by }) => {
  const key = readFieldTemplate(by);
  const filter: Filter = {
    type: 'affinity',
    request(passage) {
      const value = typeof key === 'string' ? key : key(passage);
      // Those that have none of it go anywhere.
      if (value !== '') passage.hashKey = value;
      return undefined;
    },
  };
  return filter;
};

/** `affinity`: which requests go to the same endpoint. */
export const affinityKind: FilterKind<AffinitySpec> = {
  type: 'affinity',
  open: ['by', 'by.*'],
  schema,
  explain: ({ by }) => `keeps requests of one ${by} together`,
  make,
};
