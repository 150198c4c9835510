import type { Random } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';
import { zoneShares } from './zone-shares.ts';

/** How a cluster prefers what is near. */
export interface ZoneOptions {
  /** Where this process runs. */
  readonly own: string;
  /**
   * What callers there are in each zone, in any unit, such as `{ a: 3, b: 1 }`. Default: as many in each zone that has
   * endpoints, and in our own.
   */
  readonly callers?: Readonly<Record<string, number>>;
  /** With fewer endpoints that may be asked, zones don't count. Default 6; 0 lets them count always. */
  readonly minEndpoints?: number;
}

/** Nothing left open, but for callers that are to be found out. */
export type ResolvedZone = Required<Omit<ZoneOptions, 'callers'>> & { readonly callers: ZoneOptions['callers'] };

/** Where endpoints are that don't say it. */
const NOWHERE = '';

/** Those of a zone, and up to where of the unit interval it is picked. */
interface ZoneTurn {
  readonly balancer: Balancer;
  readonly until: number;
}

/**
 * First decides on a zone, then lets a balancer of that zone decide. In a panic, and when there are few, all are one zone.
 */
export class NearFirst implements Balancer {
  /** By zone; empty when zones don't count. */
  shares: ReadonlyMap<string, number> = new Map();
  readonly #options: ResolvedZone;
  readonly #random: Random;
  readonly #make: () => Balancer;
  readonly #whole: Balancer;
  readonly #byZone = new Map<string, Balancer>();
  #turns: readonly ZoneTurn[] = [];

  constructor(options: ResolvedZone, random: Random, make: () => Balancer) {
    this.#options = options;
    this.#random = random;
    this.#make = make;
    this.#whole = make();
  }

  use(lineup: Lineup): void {
    const { own, callers, minEndpoints } = this.#options;
    this.#whole.use(lineup);
    this.#turns = [];
    this.shares = new Map();
    if (lineup.isPanicking || lineup.eligible.length < minEndpoints) return;
    const zones = Map.groupBy(lineup.eligible, ({ zone = NOWHERE }) => zone);
    const capacity = new Map([...zones].map(([zone, members]) => [zone, weightOf(members)]));
    for (const zone of this.#byZone.keys()) if (!zones.has(zone)) this.#byZone.delete(zone);
    this.shares = zoneShares({ own, callers: callers ?? evenly([own, ...zones.keys()]), capacity });
    let until = 0;
    this.#turns = [...this.shares].map(([zone, share]) => {
      const balancer = this.#byZone.get(zone) ?? this.#make();
      this.#byZone.set(zone, balancer);
      balancer.use(lineup.only(zones.get(zone) ?? []));
      until += share;
      return { balancer, until };
    });
  }

  pick(hash: number | undefined, avoid: Member | undefined): Member | undefined {
    const turns = this.#turns;
    if (turns.length === 0) return this.#whole.pick(hash, avoid);
    const at = turns.length === 1 ? 0 : this.#random.next();
    for (const { balancer, until } of turns) {
      if (at > until) continue;
      const member = balancer.pick(hash, avoid);
      return member === avoid ? this.#whole.pick(hash, avoid) : member;
    }
    return this.#whole.pick(hash, avoid);
  }
}

function weightOf(members: readonly Member[]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0);
}

function evenly(zones: readonly string[]): Record<string, number> {
  return Object.fromEntries(zones.map((zone) => [zone, 1]));
}
