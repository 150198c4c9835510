import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Filter, FilterFactory, Passage } from '../engine/filter.ts';
import { isTelling } from '../match/telling-name.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { whoIs, whoSchema, whoText, type Who } from './who.ts';

const name = z.string().min(1);

const schema = z
  .strictObject({
    type: z.literal('split'),
    rings: z
      .array(
        z.strictObject({
          by: whoSchema,
          values: z.array(name).min(1).describe('Who of them goes there.'),
          to: name.describe('A cluster.'),
        }),
      )
      .optional()
      .describe('Who goes somewhere for sure; the first that fits counts.'),
    weights: z.record(name, z.int().min(0)).optional().describe('Clusters by their share of the others.'),
    sticky: whoSchema
      .optional()
      .describe(
        'Requests of the same of these go to the same cluster, as far as weights stay. Default: each is drawn by lot.',
      ),
    salt: z.string().optional().describe('Splits of another salt fall otherwise. Default: the route’s name.'),
  })
  .superRefine(({ rings, weights }, context) => {
    if (rings === undefined && weights === undefined)
      context.addIssue({ code: 'custom', message: 'write rings, weights or both' });
    const sum = Object.values(weights ?? { all: 1 }).reduce((total, weight) => total + weight, 0);
    if (sum === 0) context.addIssue({ code: 'custom', message: 'all weights are 0', path: ['weights'] });
  });

type SplitSpec = z.output<typeof schema>;

const NO_PREFIXES = { ipv4: 32, ipv6: 64 };
/** A hash of 48 bits, which is a whole number in any arithmetic. */
const HASH_BYTES = 6;
const HASHES = 2 ** 48;

/**
 * Chooses a request's cluster: by who asks, or by weights. A share that grows only takes from the others, so whoever is in it
 * stays in it.
 */
const make: FilterFactory<SplitSpec> = ({ rings = [], weights = {}, sticky, salt }, { route, random }) => {
  const shares = sharesOf(weights);
  const place = (passage: Passage): number => {
    const key = sticky === undefined ? '' : whoIs(passage, sticky, NO_PREFIXES);
    return key === '' ? random.next() : placeOf(`${salt ?? route}\n${key}`);
  };
  const filter: Filter = {
    type: 'split',
    request(passage) {
      const ring = rings.find(({ by, values }) => values.includes(whoIs(passage, by, NO_PREFIXES)));
      if (ring !== undefined) {
        passage.cluster = ring.to;
        return undefined;
      }
      if (shares.length === 0) return undefined;
      const at = place(passage);
      passage.cluster = shares.find(({ end }) => at < end)?.cluster ?? passage.cluster;
      return undefined;
    },
  };
  return filter;
};

/** Where a text is between 0 and 1, the same in every process. */
function placeOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, HASH_BYTES) / HASHES;
}

function sharesOf(
  weights: Readonly<Record<string, number>>,
): readonly { readonly cluster: string; readonly end: number }[] {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  let passed = 0;
  return Object.entries(weights).map(([cluster, weight]) => {
    passed += weight;
    return { cluster, end: passed / sum };
  });
}

function ringText({
  by,
  values,
  to,
}: {
  readonly by: Who;
  readonly values: readonly string[];
  readonly to: string;
}): string {
  const which = isTelling(whoText(by)) ? 'those that are written' : values.join(', ');
  return `sends ${which} (${whoText(by)}) to ${to}`;
}

/** `split`: which cluster, by who asks or by weights. */
export const splitKind: FilterKind<SplitSpec> = {
  type: 'split',
  open: ['rings.*.by', 'rings.*.by.*', 'rings.*.to', 'sticky', 'sticky.*'],
  schema,
  clusters: ({ rings = [], weights = {} }) => [
    ...rings.map(({ to }, at) => ({ cluster: to, path: ['rings', at, 'to'] })),
    ...Object.keys(weights).map((cluster) => ({ cluster, path: ['weights', cluster] })),
  ],
  explain({ rings = [], weights = {}, sticky }) {
    const shares = Object.entries(weights).map(([cluster, weight]) => `${weight} to ${cluster}`);
    const rest =
      shares.length === 0
        ? []
        : [`splits ${shares.join(', ')}${sticky === undefined ? '' : `, by ${whoText(sticky)}`}`];
    return [...rings.map(ringText), ...rest].join('; ');
  },
  make,
};
