import type { Balancer } from './balancer.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/** Anybody, by weight. */
export class RandomDraw implements Balancer {
  #lineup: Lineup | undefined;

  use(lineup: Lineup): void {
    this.#lineup = lineup;
  }

  pick(_hash: number | undefined, avoid: Member | undefined): Member | undefined {
    return this.#lineup?.drawBeside(avoid);
  }
}
