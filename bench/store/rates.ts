// How often something can be done in a second, several things taking turns so that what else the machine does meets all.

import { spread } from '../statistics.ts';

const TURNS = 7;
const TURN_MS = 600;

/** Does something once, as lane `lane` of those that work at the same time. */
export type Work = (lane: number) => Promise<unknown>;

/**
 * Times a second that each is done by `lanes` at once, by name: the medians of turns of 0.6 s, after one to warm up.
 */
export async function ratesOf<Name extends string>(
  works: Readonly<Record<Name, Work>>,
  lanes: number,
): Promise<Record<Name, number>> {
  // Object.entries forgets the names' type.
  const entries = Object.entries(works) as [Name, Work][];
  const rates = new Map<Name, number[]>(entries.map(([name]) => [name, []]));
  for (let turn = 0; turn <= TURNS; turn += 1) {
    for (const [name, work] of entries) {
      const rate = await rateOf(work, lanes);
      if (turn > 0) rates.get(name)?.push(rate);
    }
  }
  // One for each name.
  return Object.fromEntries(entries.map(([name]) => [name, spread(rates.get(name) ?? []).median])) as Record<
    Name,
    number
  >;
}

async function rateOf(work: Work, lanes: number): Promise<number> {
  const startedAt = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (performance.now() - startedAt < TURN_MS) {
        await work(lane);
        done += 1;
      }
    }),
  );
  return (done * 1_000) / (performance.now() - startedAt);
}
