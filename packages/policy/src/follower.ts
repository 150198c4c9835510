/** Whoever wants to know how work ended. */
export interface Followed {
  succeeded(value: unknown): void;
  failed(error: unknown): void;
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
  readonly onValue: (value: unknown) => void;
  readonly onError: (error: unknown) => void;

  constructor(free: Follower[]) {
    this.onValue = (value) => this.#release(free)?.succeeded(value);
    this.onError = (error) => this.#release(free)?.failed(error);
  }

  #release(free: Follower[]): Followed | undefined {
    const { followed } = this;
    this.followed = undefined;
    if (free.length < MOST_KEPT) free.push(this);
    return followed;
  }
}

/** Tells how work ended to whom it belongs. */
export class Followers {
  readonly #free: Follower[] = [];

  follow(work: Promise<unknown>, followed: Followed): void {
    const follower = this.#free.pop() ?? new Follower(this.#free);
    follower.followed = followed;
    // The engine's own: it calls one of the two, once, whatever a subclass thinks of that.
    void then.call(work, follower.onValue, follower.onError);
  }
}
