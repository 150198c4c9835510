import type { Clock, Random } from '@fairlead/core';
import type { Member } from './member.ts';
import { warmShare, type ResolvedSlowStart } from './slow-start.ts';

/** What a lineup draws with. */
export interface LineupTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly slowStart: ResolvedSlowStart;
}

/** Who is in a lineup. */
export interface LineupMembers {
  /** Everybody, also those that may not be asked: what tables are made of. The same array as long as nobody came or left. */
  readonly all: readonly Member[];
  /** At least one. */
  readonly eligible: readonly Member[];
  /** Whether somebody has less than its share for now. */
  readonly isWarming: boolean;
  /** Whether everybody may be asked because too few should be. */
  readonly isPanicking: boolean;
}

/** How often a draw that fell on somebody who is warming up may be refused before it is taken as it is. */
const MAX_REDRAWS = 16;

/**
 * Those that may be asked, and draws by weight among them: by the alias method (Walker, 1974, in Vose's form of 1991), one
 * random number whatever the weights.
 */
export class Lineup implements LineupMembers {
  readonly all: readonly Member[];
  readonly eligible: readonly Member[];
  /** Whether all have the same weight. */
  readonly isUniform: boolean;
  readonly meanWeight: number;
  readonly isWarming: boolean;
  readonly isPanicking: boolean;
  /** What `drawTwo` has drawn; the second is `undefined` when there is only one. */
  first: Member | undefined;
  second: Member | undefined;
  readonly #tools: LineupTools;
  readonly #chance: Float64Array;
  readonly #alias: Int32Array;

  constructor({ all, eligible, isWarming, isPanicking }: LineupMembers, tools: LineupTools) {
    const weights = eligible.map((member) => member.weight);
    const count = weights.length;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.all = all;
    this.eligible = eligible;
    this.isWarming = isWarming;
    this.isPanicking = isPanicking;
    this.meanWeight = sum / count;
    this.isUniform = weights.every((weight) => weight === weights[0]);
    this.#tools = tools;
    this.#chance = new Float64Array(this.isUniform ? 0 : count).fill(1);
    this.#alias = new Int32Array(this.isUniform ? 0 : count);
    if (!this.isUniform) this.#fill(weights.map((weight) => (weight * count) / sum));
  }

  /** Somebody, by weight. */
  draw(): Member | undefined {
    let member = this.#drawn();
    if (!this.isWarming) return member;
    const { clock, random, slowStart } = this.#tools;
    const nowMs = clock.monotonic();
    for (let redraws = 0; redraws < MAX_REDRAWS && member !== undefined; redraws++) {
      const share = warmShare(member, slowStart, nowMs);
      if (share === 1 || random.next() < share) break;
      member = this.#drawn();
    }
    return member;
  }

  /** Two of them as `first` and `second`: different ones if all have the same weight, else each by weight. */
  drawTwo(): void {
    const { eligible } = this;
    if (this.isWarming || !this.isUniform) {
      this.first = this.draw();
      this.second = this.draw();
      return;
    }
    const { random } = this.#tools;
    const one = Math.floor(random.next() * eligible.length);
    const other = Math.floor(random.next() * (eligible.length - 1));
    this.first = eligible[one];
    this.second = eligible[other < one ? other : other + 1];
  }

  /** Somebody who isn't `other`, if there is anybody else. */
  drawBeside(other: Member | undefined): Member | undefined {
    const member = this.draw();
    return member === other && member !== undefined ? this.next(member) : member;
  }

  /** Who comes after somebody; that one itself if it is alone. */
  next(member: Member): Member | undefined {
    const at = this.eligible.indexOf(member) + 1;
    return this.eligible[at === this.eligible.length ? 0 : at];
  }

  /** The same with fewer. */
  only(eligible: readonly Member[]): Lineup {
    return new Lineup(
      { all: this.all, eligible, isWarming: this.isWarming, isPanicking: this.isPanicking },
      this.#tools,
    );
  }

  /** What part of a member's weight counts now, from 0 to 1. */
  shareOf(member: Member, nowMs: number): number {
    return this.isWarming ? warmShare(member, this.#tools.slowStart, nowMs) : 1;
  }

  #drawn(): Member | undefined {
    const place = this.#tools.random.next() * this.eligible.length;
    const at = Math.floor(place);
    if (this.isUniform) return this.eligible[at];
    const isOwn = place - at < (this.#chance[at] ?? 1);
    return this.eligible[isOwn ? at : (this.#alias[at] ?? at)];
  }

  /** Each column holds what its member has less than the mean, and is filled up with one that has more. */
  #fill(scaled: number[]): void {
    const poor: number[] = [];
    const rich: number[] = [];
    scaled.forEach((share, at) => (share < 1 ? poor : rich).push(at));
    for (;;) {
      const low = poor.pop();
      const high = rich.pop();
      // What is left over is full, but for rounding.
      if (low === undefined || high === undefined) return;
      const own = scaled[low] ?? 1;
      const rest = (scaled[high] ?? 1) - (1 - own);
      this.#chance[low] = own;
      this.#alias[low] = high;
      scaled[high] = rest;
      (rest < 1 ? poor : rich).push(high);
    }
  }
}
