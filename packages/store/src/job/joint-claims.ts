/** A claim of many jobs, as long as it has a row of its own. */
interface JointClaim {
  readonly jobs: number;
  /** Jobs of it that have not ended. */
  open: number;
  /** Whether all that have ended were done, and none was told by itself. */
  whole: boolean;
  readonly sinceMs: number;
}

/** Claims that the next statement is to end. */
export interface EndedClaims {
  /** All of their jobs are done, and none was told by itself. */
  readonly whole: ReadonlySet<string>;
  /** All of their jobs have ended. */
  readonly over: readonly string[];
  /** Their jobs take long: what still runs is written into its own row. */
  readonly slow: readonly string[];
}

/**
 * How long a claim of many may have a row of its own, and how long that may stay when it is over. Whoever claims looks through
 * them, so that there must never be more than were made lately.
 */
const LASTING_MS = 500;

/** The claims of one worker and queue that are rows of their own, and how many of their jobs are left. */
export class JointClaims {
  /** In the order in which they began. */
  readonly #open = new Map<string, JointClaim>();
  readonly #whole = new Set<string>();
  readonly #over: string[] = [];
  readonly #slow: string[] = [];
  /** When the first of those that have ended did. */
  #overSinceMs = Infinity;

  /** So many jobs were claimed together. */
  began(claim: string, jobs: number, nowMs: number): void {
    this.#open.set(claim, { jobs, open: jobs, whole: true, sinceMs: nowMs });
  }

  /** A job has ended, and is `done` or not. Of a claim that has no row of its own it means nothing. */
  ended(claim: string, done: boolean, nowMs: number): void {
    const joint = this.#open.get(claim);
    if (joint === undefined) return;
    joint.open -= 1;
    joint.whole &&= done;
    if (joint.open > 0) return;
    this.#open.delete(claim);
    if (joint.whole) this.#whole.add(claim);
    else this.#over.push(claim);
    this.#overSinceMs = Math.min(this.#overSinceMs, nowMs);
  }

  /** Its holder is no more: whoever notices returns its jobs and ends it. */
  lost(claim: string): void {
    this.#open.delete(claim);
  }

  /** Whether there are some whose end was not told. */
  get untold(): boolean {
    return this.#whole.size > 0 || this.#over.length > 0 || this.#slow.length > 0;
  }

  /** When a statement has to tell of them at the latest, by the monotonic clock; Infinity for never. */
  get dueAtMs(): number {
    const [oldest] = this.#open.values();
    const sinceMs = Math.min(this.#overSinceMs, oldest?.sinceMs ?? Infinity);
    return this.#slow.length > 0 ? -Infinity : sinceMs + LASTING_MS;
  }

  /** What is to be told now; `keep` takes it back. What is done of others by now is told job by job. */
  take(nowMs: number): EndedClaims {
    const whole = new Set(this.#whole);
    this.#whole.clear();
    const over = this.#over.splice(0);
    const slow = this.#slow.splice(0);
    this.#overSinceMs = Infinity;
    for (const [claim, joint] of this.#open) {
      if (nowMs - joint.sinceMs >= LASTING_MS) {
        slow.push(claim);
        this.#open.delete(claim);
      } else if (joint.open < joint.jobs) joint.whole = false;
    }
    return { whole, over, slow };
  }

  /** Takes back what could not be told. */
  keep({ whole, over, slow }: EndedClaims): void {
    for (const claim of whole) this.#whole.add(claim);
    this.#over.push(...over);
    this.#slow.push(...slow);
  }
}
