import type { Random } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import { BoundedLoad, hasRoom } from './bounded-load.ts';
import { hashAt, hashOf } from './hash.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/** A prime, so that every step reaches every place. The paper's small table; good for some hundred endpoints. */
export const MAGLEV_PLACES = 65_537;
const HASHES = 2 ** 32;
/** Further places that are tried for a hash whose member may not take it, before anybody is. */
const MAX_PROBES = 64;

/**
 * A table in which everybody has its share of places, almost to the place (Eisenbud and others, "Maglev: A Fast and Reliable
 * Software Network Load Balancer", 2016, section 3.4; weights as turns, as Envoy gives them). The table is made of everybody
 * and only changes when the cluster does; what is of somebody who may not be asked is hashed again, all over the others.
 */
export class Maglev implements Balancer {
  readonly #random: Random;
  readonly #bound: BoundedLoad;
  #lineup: Lineup | undefined;
  #members: readonly Member[] = [];
  #places = new Int32Array(0);

  constructor(random: Random, maxLoadFactor: number) {
    this.#random = random;
    this.#bound = new BoundedLoad(maxLoadFactor);
  }

  use(lineup: Lineup): void {
    const { all } = lineup;
    this.#lineup = lineup;
    this.#bound.use(all);
    if (all === this.#members) return;
    this.#members = all;
    this.#places = maglevPlaces(all);
  }

  pick(hash: number | undefined, avoid: Member | undefined): Member | undefined {
    const first = hash ?? Math.floor(this.#random.next() * HASHES);
    const perWeight = this.#bound.perWeight();
    let at = first % MAGLEV_PLACES;
    let full: Member | undefined;
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const member = this.#members[this.#places[at] ?? 0];
      if (member !== undefined && member.isEligible && member !== avoid) {
        if (hasRoom(member, perWeight)) return member;
        full ??= member;
      }
      at = hashAt(first, probes) % MAGLEV_PLACES;
    }
    if (full !== undefined) return full;
    const eligible = this.#lineup?.eligible ?? [];
    const member = eligible[first % eligible.length];
    return member === avoid && member !== undefined ? this.#lineup?.next(member) : member;
  }
}

/** Whose each place is, as an index. Everybody walks a permutation of its own, and takes the next free place when it is its turn. */
export function maglevPlaces(members: readonly Pick<Member, 'address' | 'weight'>[]): Int32Array<ArrayBuffer> {
  const places = new Int32Array(MAGLEV_PLACES).fill(-1);
  const heaviest = Math.max(...members.map(({ weight }) => weight));
  const walks = members.map(({ address, weight }) => {
    const hash = hashOf(address);
    return { at: hashAt(hash, 0) % MAGLEV_PLACES, step: (hashAt(hash, 1) % (MAGLEV_PLACES - 1)) + 1, weight, due: 0 };
  });
  let taken = 0;
  for (let round = 1; taken < MAGLEV_PLACES; round++) {
    for (let owner = 0; owner < walks.length && taken < MAGLEV_PLACES; owner++) {
      const walk = walks[owner];
      // The heaviest has a turn in each round, the others in their part of them.
      if (walk === undefined || round * walk.weight < walk.due) continue;
      walk.due += heaviest;
      while (places[walk.at] !== -1) walk.at = (walk.at + walk.step) % MAGLEV_PLACES;
      places[walk.at] = owner;
      taken += 1;
    }
  }
  return places;
}
