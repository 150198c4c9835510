import type { Turns } from './fair-accounts.ts';

/**
 * How many jobs each of these tenants is to have of those that are wanted, in their order: with a tenant's jobs standing at start, start +
 * cost, start + 2 cost and so on, the lowest are taken. Found as the level to which water rises in vessels with different grounds.
 */
export function takesOf(tenants: readonly string[], { tenants: known, starts, costs }: Turns, want: number): number[] {
  const places = new Map(known.map((tenant, index) => [tenant, index]));
  const lanes = tenants.map((tenant, order) => {
    const index = places.get(tenant) ?? -1;
    return { order, start: starts[index] ?? 0, cost: costs[index] ?? 1, take: 0 };
  });
  const rising = lanes.toSorted((a, b) => a.start - b.start || a.order - b.order);
  let [grounds, width, level] = [0, 0, 0];
  for (const [index, { start, cost }] of rising.entries()) {
    grounds += start / cost;
    width += 1 / cost;
    level = (want + grounds) / width;
    if (level <= (rising[index + 1]?.start ?? Infinity)) break;
  }
  let excess = -want;
  for (const lane of lanes) {
    if (lane.start < level) lane.take = Math.ceil((level - lane.start) / lane.cost);
    excess += lane.take;
  }
  // All that stand below the level are as many as are wanted, or up to one more of each: the highest go.
  for (; excess > 0; excess -= 1) {
    let highest = lanes[0];
    for (const lane of lanes) if (highest === undefined || lastOf(lane) >= lastOf(highest)) highest = lane;
    if (highest !== undefined) highest.take -= 1;
  }
  return lanes.map(({ take }) => take);
}

/** Where the last job that it is to have stands. */
function lastOf({
  start,
  cost,
  take,
}: {
  readonly start: number;
  readonly cost: number;
  readonly take: number;
}): number {
  return take === 0 ? -Infinity : start + (take - 1) * cost;
}
