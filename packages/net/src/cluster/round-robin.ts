import type { Clock, Random } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/**
 * One after the other; with weights as nginx does it smoothly: everybody gains its weight, the richest is picked and pays
 * for all. `a a a b` becomes `a a b a`. Begins anywhere, so that many processes don't begin at the same one.
 */
export class RoundRobin implements Balancer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #credits = new Map<Member, number>();
  #lineup: Lineup | undefined;
  #at = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  use(lineup: Lineup): void {
    const isFirst = this.#lineup === undefined;
    this.#lineup = lineup;
    if (isFirst) this.#at = Math.floor(this.#random.next() * lineup.eligible.length);
    const known = new Set(lineup.eligible);
    for (const member of this.#credits.keys()) if (!known.has(member)) this.#credits.delete(member);
    for (const member of known)
      if (!this.#credits.has(member)) this.#credits.set(member, this.#random.next() * member.weight);
  }

  pick(_hash: number | undefined, avoid: Member | undefined): Member | undefined {
    const lineup = this.#lineup;
    if (lineup === undefined) return undefined;
    if (lineup.eligible.length === 1) return lineup.eligible[0];
    const member = lineup.isUniform && !lineup.isWarming ? this.#following(lineup) : this.#richest(lineup);
    return member === avoid && member !== undefined ? lineup.next(member) : member;
  }

  #following({ eligible }: Lineup): Member | undefined {
    this.#at = this.#at + 1 < eligible.length ? this.#at + 1 : 0;
    return eligible[this.#at];
  }

  #richest(lineup: Lineup): Member | undefined {
    const nowMs = lineup.isWarming ? this.#clock.monotonic() : 0;
    let richest: Member | undefined;
    let most = -Infinity;
    let sum = 0;
    for (const member of lineup.eligible) {
      const gain = member.weight * lineup.shareOf(member, nowMs);
      const credit = (this.#credits.get(member) ?? 0) + gain;
      this.#credits.set(member, credit);
      sum += gain;
      if (credit > most) {
        most = credit;
        richest = member;
      }
    }
    if (richest !== undefined) this.#credits.set(richest, most - sum);
    return richest;
  }
}
