import { realClock, seededRandom } from '@fairlead/core';
import { hashOf, openCluster, type Cluster } from '@fairlead/net';

/** What hashing balancers do with keys. */
export interface ShardsResult {
  /** The most and the least that an endpoint has, compared with an even share. */
  readonly most: number;
  readonly least: number;
  /** Share of the keys that were on an endpoint that stayed and moved, when one of them left for good. */
  readonly movedBesides: number;
}

const KEYS = 100_000;

/** Many keys over some endpoints, of which then one leaves. Needs no time and no chance but the keys. */
export async function shards(balancer: 'ring-hash' | 'maglev', count: number): Promise<ShardsResult> {
  const names = Array.from({ length: count }, (_, index) => ({
    endpoint: { host: `10.0.0.${index + 1}`, port: 8080 },
  }));
  await using cluster = openCluster({
    name: 'shards',
    endpoints: names,
    balancer,
    clock: realClock(),
    random: seededRandom('shards'),
  });
  const before = owners(cluster);
  const counts = new Map<string, number>();
  for (const owner of before) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const shares = [...counts.values()].map((keys) => (keys * count) / KEYS);
  cluster.update(names.slice(1));
  const after = owners(cluster);
  const gone = 'http://10.0.0.1:8080';
  const moved = before.filter((owner, index) => owner !== gone && owner !== after[index]).length;
  return { most: Math.max(...shares), least: Math.min(...shares), movedBesides: moved / KEYS };
}

function owners(cluster: Cluster): string[] {
  return Array.from({ length: KEYS }, (_, index) => cluster.pick(hashOf(`customer ${index}`))?.address ?? '');
}
