import { z } from 'zod';
import type { FilterFactory } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';

const schema = z.strictObject({ type: z.literal('server-timing') });

type ServerTimingSpec = z.output<typeof schema>;

const make: FilterFactory<ServerTimingSpec> = (_spec, { clock }) => ({
  type: 'server-timing',
  answer(passage) {
    const { upstreamMs } = passage;
    const total = `total;dur=${(clock.monotonic() - passage.startedAtMs).toFixed(1)}`;
    passage.addAnswer(
      'server-timing',
      upstreamMs === undefined ? total : `upstream;dur=${upstreamMs.toFixed(1)}, ${total}`,
    );
  },
});

/**
 * `server-timing`: answers say how long their heads took, all in all and at the upstream, in the syntax of the W3C's Server Timing. What
 * an upstream says of itself under that name stays.
 */
export const serverTimingKind: FilterKind<ServerTimingSpec> = {
  type: 'server-timing',
  schema,
  open: [],
  isAtDoor: () => true,
  explain: () => 'says in Server-Timing how long answers took, up to their heads',
  make,
};
