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
  /** Of those in the lineup, in their order. */
  #credits = new Float64Array(0);
  #lineup: Lineup | undefined;
  #at = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  use(lineup: Lineup): void {
    const before = this.#lineup?.eligible ?? [];
    const kept = new Map(before.map((member, at) => [member, this.#credits[at]]));
    if (this.#lineup === undefined) this.#at = Math.floor(this.#random.next() * lineup.eligible.length);
    this.#lineup = lineup;
    this.#credits = Float64Array.from(
      lineup.eligible,
      (member) => kept.get(member) ?? this.#random.next() * member.weight,
    );
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
    const credits = this.#credits;
    let richest = 0;
    let most = -Infinity;
    let sum = 0;
    for (let at = 0; at < credits.length; at++) {
      const member = lineup.eligible[at];
      if (member === undefined) continue;
      const gain = member.weight * lineup.shareOf(member, nowMs);
      const credit = (credits[at] ?? 0) + gain;
      credits[at] = credit;
      sum += gain;
      if (credit > most) {
        most = credit;
        richest = at;
      }
    }
    credits[richest] = most - sum;
    return lineup.eligible[richest];
  }
}
