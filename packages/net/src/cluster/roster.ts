import { addressOf } from './address.ts';
import type { ResolvedClusterOptions } from './cluster-options.ts';
import type { ClusterEndpoint } from './cluster-types.ts';
import { Member, type MemberWatch } from './member.ts';
import { PeakEwma } from './peak-ewma.ts';

/** What has become of a roster. */
export interface RosterChange {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
}

const MAX_WEIGHT = 65_535;

/** Who is in a cluster, and who has left it but has something under way. Makes the pools, and closes them. */
export class Roster {
  /** Another array whenever somebody comes, leaves or is given another weight. */
  members: readonly Member[] = [];
  readonly #options: ResolvedClusterOptions;
  readonly #watch: MemberWatch;
  /** By key, also those that have left and are not done. */
  readonly #known = new Map<string, Member>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: ResolvedClusterOptions, watch: MemberWatch) {
    this.#options = options;
    this.#watch = watch;
  }

  /** From now on these; of several with the same address the first. Who stays, or comes back before it was done, is the same as before. */
  replace(endpoints: readonly ClusterEndpoint[]): RosterChange {
    const before = new Set(this.members);
    const members: Member[] = [];
    const now = new Set<Member>();
    let isSame = true;
    for (const endpoint of endpoints) {
      const member = this.#memberFor(endpoint);
      if (now.has(member)) continue;
      const weight = weightOf(endpoint);
      isSame &&= before.has(member) && member.weight === weight && member.zone === endpoint.zone;
      member.weight = weight;
      member.zone = endpoint.zone;
      member.isRetired = false;
      now.add(member);
      members.push(member);
    }
    const removed = this.members.filter((member) => !now.has(member));
    for (const member of removed) member.isRetired = true;
    if (!isSame || removed.length > 0) this.members = members;
    return { added: members.filter((member) => !before.has(member)), removed };
  }

  /** Somebody who has left has nothing under way any more. */
  dismiss(member: Member): void {
    this.#known.delete(member.key);
    const closing = member.pool.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Closes all pools, whatever they have under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#known.values()].map(({ pool }) => pool.close())]);
  }

  #memberFor({ endpoint, zone, host = this.#options.host, ...rest }: ClusterEndpoint): Member {
    const address = addressOf(endpoint);
    const key = host === undefined ? address : `${address} as ${host}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { clock, initialLatencyMs, latencyDecayMs, openPool } = this.#options;
    const member = new Member({
      key,
      host,
      endpoint,
      address,
      zone,
      weight: weightOf(rest),
      pool: openPool(endpoint, host),
      latency: new PeakEwma(latencyDecayMs, initialLatencyMs, clock.monotonic()),
      watch: this.#watch,
    });
    this.#known.set(key, member);
    return member;
  }
}

/** Discovery may say anything. */
function weightOf({ weight = 1 }: Pick<ClusterEndpoint, 'weight'>): number {
  return Math.min(MAX_WEIGHT, Math.max(1, Math.round(weight)));
}
