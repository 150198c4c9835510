import type { Member } from './member.ts';

/**
 * How much more than its share a member may have under way before what hashes to it goes on to the next: consistent hashing
 * with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016).
 */
export class BoundedLoad {
  readonly #factor: number;
  #all: readonly Member[] = [];
  #weights = 0;

  /** @param factor at least 1; Infinity bounds nothing */
  constructor(factor: number) {
    this.#factor = factor;
  }

  use(all: readonly Member[]): void {
    this.#all = all;
    this.#weights = all.reduce((sum, { weight, isEligible }) => (isEligible ? sum + weight : sum), 0);
  }

  /** What each part of weight may have under way, the next request included. */
  perWeight(): number {
    if (this.#factor === Infinity) return Infinity;
    let inFlight = 1;
    for (const member of this.#all) inFlight += member.inFlight;
    return (this.#factor * inFlight) / this.#weights;
  }
}

/** Whether a member may take one more. */
export function hasRoom(member: Member, perWeight: number): boolean {
  return perWeight === Infinity || member.inFlight + 1 <= Math.ceil(perWeight * member.weight);
}
