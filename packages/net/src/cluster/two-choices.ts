import type { Clock } from '@fairlead/core';
import type { Balancer } from './balancer.ts';
import type { Lineup } from './lineup.ts';
import type { Member } from './member.ts';

/** What one more request costs at a member; it is compared, and means nothing else. */
export type CostOf = (member: Member, load: number, nowMs: number) => number;

/**
 * What it would take there: the moving average of its latency, for each request that it would have then. Who is not known is
 * asked at once, and who was slow once more when the average has sunk, but nobody a second time before the answer is there.
 * Each miss in a row counts as one more request: what fails quickly has hardly anything under way, and would draw all others
 * to it.
 */
export const LATENCY_COST: CostOf = ({ latency, inFlight, missesInRow }, load, nowMs) => {
  if (inFlight > 0) return latency.lastMs * (load + 1 + missesInRow);
  return latency.isKnown ? latency.at(nowMs) * (1 + missesInRow) : 0;
};

/** What it has under way. */
export const REQUEST_COST: CostOf = (_member, load) => load;

/**
 * Of two that are drawn, the one with less to do (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * 1996). Who is drawn follows the weights, and so does what counts as much to do; between equals the first one drawn takes
 * it, so that weights hold when there is little to do, too.
 */
export class TwoChoices implements Balancer {
  readonly #costOf: CostOf;
  readonly #clock: Clock;
  #lineup: Lineup | undefined;

  constructor(costOf: CostOf, clock: Clock) {
    this.#costOf = costOf;
    this.#clock = clock;
  }

  use(lineup: Lineup): void {
    this.#lineup = lineup;
  }

  pick(_hash: number | undefined, avoid: Member | undefined): Member | undefined {
    const lineup = this.#lineup;
    if (lineup === undefined) return undefined;
    if (lineup.eligible.length === 1) return lineup.eligible[0];
    lineup.drawTwo();
    const { first, second } = lineup;
    if (first === undefined || second === undefined) return first;
    if (first === avoid) return second === avoid ? lineup.next(first) : second;
    if (second === avoid || first === second) return first;
    const nowMs = this.#clock.monotonic();
    const firstCost = this.#costOf(first, loadOf(first, lineup, nowMs), nowMs);
    return firstCost <= this.#costOf(second, loadOf(second, lineup, nowMs), nowMs) ? first : second;
  }
}

/** Requests under way, for each part of the mean weight. */
function loadOf(member: Member, lineup: Lineup, nowMs: number): number {
  const { inFlight } = member;
  if (inFlight === 0 || (lineup.isUniform && !lineup.isWarming)) return inFlight;
  return (inFlight * lineup.meanWeight) / (member.weight * lineup.shareOf(member, nowMs));
}
