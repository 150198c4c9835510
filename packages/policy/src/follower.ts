import { NOWHERE } from '@fairlead/core';

/** Whoever wants to know how work ended. */
export interface Followed {
  succeeded(value: unknown): void;
  failed(error: unknown): void;
  /** The turn of the event loop in which the work began is over, and it has not settled. Another one's `watch` may have ended it just now. */
  watch(): void;
}

const { then } = Promise.prototype;
/** More than that many calls at a time make their own and leave them to the collector. */
const MOST_KEPT = 256;

/**
 * The two functions that a promise is given, made once and used for one piece of work after the other: they are a good
 * part of what a call would leave to the collector.
 */
class Follower {
  followed: Followed | undefined;
  /** Its place while it is fresh. */
  at = NOWHERE;
  readonly onValue: (value: unknown) => void;
  readonly onError: (error: unknown) => void;

  constructor(followers: Followers) {
    this.onValue = (value) => followers.release(this)?.succeeded(value);
    this.onError = (error) => followers.release(this)?.failed(error);
  }
}

/** Tells how work ended to whom it belongs, and whose work outlasts the turn that it began in. */
export class Followers {
  /**
   * First the fresh, whose work began in this turn, then the free. Between the two a follower comes and goes by moving
   * the border; what it is a follower of is the only thing that is written.
   */
  readonly #all: Follower[] = [];
  #fresh = 0;

  follow(work: Promise<unknown>, followed: Followed): void {
    const at = this.#fresh++;
    const follower = this.#all[at] ?? this.#add();
    follower.at = at;
    follower.followed = followed;
    // The engine's own: it calls one of the two, once, whatever a subclass thinks of that.
    void then.call(work, follower.onValue, follower.onError);
  }

  /** The turn is over for all that are fresh. */
  watch(): void {
    // Whoever is watched may begin something new, which has a turn of its own.
    const outlasting = this.#all.splice(0, this.#fresh);
    this.#fresh = 0;
    for (const each of outlasting) each.at = NOWHERE;
    for (const each of outlasting) each.followed?.watch();
  }

  /** The work of a follower has settled: it is free, and whom it was to tell is returned. */
  release(follower: Follower): Followed | undefined {
    const { followed, at } = follower;
    follower.followed = undefined;
    if (at === NOWHERE) this.#all.push(follower);
    else if (at !== --this.#fresh) this.#swapWithLastFresh(follower, at);
    if (this.#all.length > MOST_KEPT) this.#all.pop();
    return followed;
  }

  #swapWithLastFresh(follower: Follower, at: number): void {
    const last = this.#all[this.#fresh];
    if (last === undefined) return;
    this.#all[this.#fresh] = follower;
    this.#all[at] = last;
    last.at = at;
  }

  #add(): Follower {
    const follower = new Follower(this);
    this.#all.push(follower);
    return follower;
  }
}
