/** What decides where requests of a zone go. */
export interface ZoneFacts {
  /** Where we are. */
  readonly own: string;
  /** What callers there are in each zone, in any unit. Zones that are missing have none. */
  readonly callers: Readonly<Record<string, number>>;
  /** Weights of those that may be asked, by zone. */
  readonly capacity: ReadonlyMap<string, number>;
}

/**
 * Shares of a zone's requests by the zone that they go to, 1 together: as Envoy's zone-aware routing. All stay, as long as
 * the zone's share of the capacity is as large as its share of the callers; else that part of them that it can take. The
 * rest goes to zones that have more capacity than callers, each as much as it has more.
 */
export function zoneShares({ own, callers, capacity }: ZoneFacts): Map<string, number> {
  const allCallers = sumOf(Object.values(callers));
  const allCapacity = sumOf(capacity.values());
  const ownShare = (capacity.get(own) ?? 0) / allCapacity;
  const callerShareOf = (zone: string): number => (callers[zone] ?? 0) / allCallers;
  const kept = ownShare === 0 ? 0 : Math.min(1, ownShare / callerShareOf(own));
  const shares = new Map<string, number>();
  if (kept > 0) shares.set(own, kept);
  // What is missing by rounding is no reason to leave.
  if (kept > 1 - 1e-9) return new Map([[own, 1]]);
  const others = [...capacity].filter(([zone]) => zone !== own);
  const spare = others.map(([zone, weight]) => Math.max(0, weight / allCapacity - callerShareOf(zone)));
  const allSpare = sumOf(spare);
  others.forEach(([zone, weight], at) => {
    const part = allSpare > 0 ? (spare[at] ?? 0) / allSpare : weight / sumOf(others.map(([, other]) => other));
    if (part > 0) shares.set(zone, (1 - kept) * part);
  });
  return shares;
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
