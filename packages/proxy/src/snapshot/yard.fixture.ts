import type { Filter } from '../engine/filter.ts';
import { z } from 'zod';
import type { FilterKind } from './filter-kind.ts';
import { readSnapshot } from './read-snapshot.ts';

const none: Filter = { type: 'none' };

/** Kinds of filters that do nothing: one that says who asks, one that answers everything. */
export const KINDS: readonly FilterKind[] = [
  {
    type: 'badge',
    schema: z.strictObject({ type: z.literal('badge'), issuer: z.string() }),
    identifies: true,
    explain: () => 'Asks for a badge.',
    make: () => none,
  },
  {
    type: 'signpost',
    schema: z.strictObject({ type: z.literal('signpost'), status: z.int().min(300).max(399) }),
    answersAll: true,
    explain: () => 'Sends elsewhere.',
    make: () => none,
  },
];

/** Reads a text with these kinds, as if it were `yard.yaml`. */
export function readYard(text: string) {
  return readSnapshot(text, { origin: 'yard.yaml', loadedAtMs: 0, kinds: KINDS });
}

/** A configuration with the routes that are given, and the clusters `orders` and `canary`. */
export function yardWith(routes: string): string {
  return `listeners: [{ name: public, address: '127.0.0.1:0' }]
clusters:
  orders: { endpoints: [http://127.0.0.1:3000] }
  canary: { endpoints: [http://127.0.0.1:3001] }
routes:
${routes}`;
}
