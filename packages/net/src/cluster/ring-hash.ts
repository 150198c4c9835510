import type { Random } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import { BoundedLoad, hasRoom } from './bounded-load.ts';
import { hashAt, hashOf } from './hash.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/** Points of an endpoint of the least weight, as Ketama has them: shares differ by some 8 % then. */
const POINTS_PER_ENDPOINT = 160;
const MAX_POINTS = 1 << 20;
/** A hash and its owner in one number that sorts by hash. */
const OWNERS = 2 ** 21;
const HASHES = 2 ** 32;

/**
 * A ring of points, several for each member (Karger and others, 1997; Ketama): what hashes before a point is its member's.
 * When somebody may not be asked, only what was theirs goes to others, each to the next point. The ring is made of
 * everybody, so it only changes when the cluster does.
 */
export class RingHash implements Balancer {
  readonly #random: Random;
  readonly #bound: BoundedLoad;
  #members: readonly Member[] = [];
  #hashes = new Uint32Array(0);
  #owners = new Int32Array(0);

  constructor(random: Random, maxLoadFactor: number) {
    this.#random = random;
    this.#bound = new BoundedLoad(maxLoadFactor);
  }

  use({ all }: Lineup): void {
    this.#bound.use(all);
    if (all === this.#members) return;
    this.#members = all;
    this.#make(all);
  }

  pick(hash: number | undefined, avoid: Member | undefined): Member | undefined {
    const perWeight = this.#bound.perWeight();
    const count = this.#owners.length;
    let other: Member | undefined;
    let at = this.#after(hash ?? this.#random.next() * HASHES);
    for (let steps = 0; steps < count; steps++) {
      const member = this.#members[this.#owners[at] ?? 0];
      if (member !== undefined && member.isEligible) {
        if (member !== avoid && hasRoom(member, perWeight)) return member;
        // Rather somebody who is full than the one that has just failed.
        if (other === undefined || other === avoid) other = member;
      }
      at = at + 1 === count ? 0 : at + 1;
    }
    return other;
  }

  /** Index of the first point at or after a hash. */
  #after(hash: number): number {
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#hashes[middle] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.#hashes.length ? 0 : low;
  }

  /** A member's points depend on nothing but itself and the order of magnitude of the least weight. */
  #make(members: readonly Member[]): void {
    const least = Math.min(...members.map(({ weight }) => weight));
    const unit = 2 ** Math.floor(Math.log2(least));
    const wanted = members.map(({ weight }) => (POINTS_PER_ENDPOINT * weight) / unit);
    const scale = Math.min(1, MAX_POINTS / wanted.reduce((sum, count) => sum + count, 0));
    const counts = wanted.map((count) => Math.max(1, Math.round(count * scale)));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const points = new Float64Array(total);
    let next = 0;
    for (const [owner, { address }] of members.entries()) {
      const base = hashOf(address);
      const count = counts[owner] ?? 0;
      for (let index = 0; index < count; index++) points[next++] = hashAt(base, index) * OWNERS + owner;
    }
    points.sort();
    this.#hashes = new Uint32Array(total);
    this.#owners = new Int32Array(total);
    for (let at = 0; at < total; at++) {
      const point = points[at] ?? 0;
      const hash = Math.floor(point / OWNERS);
      this.#hashes[at] = hash;
      this.#owners[at] = point - hash * OWNERS;
    }
  }
}
