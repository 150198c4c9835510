import { z } from 'zod';
import type { Filter, FilterFactory, Mirror } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { duration, share } from '../snapshot/quantities.ts';

const schema = z.strictObject({
  type: z.literal('mirror'),
  to: z.string().min(1).describe('The cluster that gets copies.'),
  share: share.default(1).describe('Of the requests. Default 100%.'),
  maxInFlight: z
    .int()
    .min(1)
    .default(100)
    .describe('Copies under way at once; beyond, requests have none. Default 100.'),
  timeout: duration
    .refine((ms) => ms > 0, { message: 'must be more than 0s' })
    .default(10_000)
    .describe('How long a copy may take. Default 10s.'),
});

type MirrorSpec = z.output<typeof schema>;

/** Has copies sent of a share of the requests; their clients notice nothing of it. */
const make: FilterFactory<MirrorSpec> = ({ to, share: ratio, maxInFlight, timeout }, { route, random, kept }) => {
  const underWay = kept(`mirror ${route} ${to}`, () => ({ count: 0 }));
  const mirror: Mirror = {
    cluster: to,
    timeoutMs: timeout,
    get hasRoom() {
      return underWay.count < maxInFlight;
    },
    began: () => (underWay.count += 1),
    ended: () => (underWay.count -= 1),
  };
  const filter: Filter = {
    type: 'mirror',
    request(passage) {
      if (ratio > 0 && random.next() < ratio) passage.mirror(mirror);
      return undefined;
    },
  };
  return filter;
};

/** `mirror`: copies of requests for another cluster. */
export const mirrorKind: FilterKind<MirrorSpec> = {
  type: 'mirror',
  open: ['to', 'share', 'timeout'],
  schema,
  clusters: ({ to }) => [{ cluster: to, path: ['to'] }],
  explain: ({ to, share: ratio, maxInFlight }) =>
    `sends copies of ${ratio * 100} % to ${to}, at most ${maxInFlight} at once`,
  make,
};
