import type { ClaimedJob } from './claimed-job.ts';

/** Up to where a tenant's jobs were taken. */
interface Front {
  readonly priority: number;
  readonly seq: number;
}

/** What the statement is told of the last look. */
export interface KnownLanes {
  readonly tenants: readonly string[];
  readonly priorities: readonly number[];
  readonly seqs: readonly number[];
}

/** How long a look at everything is good for: so long may jobs go unseen that are older or more urgent than those taken. */
const LOOK = { leastMs: 50, mostMs: 1_000, times: 20 } as const;
/** The same when there are news. */
const NEWS = { leastMs: 5, mostMs: 250, times: 5 } as const;
/** How much the latest statement says about what one without a look takes. */
const LATEST = 0.2;

/**
 * Who had jobs at the last look, and up to where they were taken since, so that not each claim has to look at everything. The longer
 * looks take, the rarer they are.
 */
export class Lanes {
  readonly #fronts = new Map<string, Front | undefined>();
  #lookedMs = -Infinity;
  #news = false;
  /** What a look takes beyond a claim without one, and what that takes. */
  #lookMs = 0;
  #plainMs = 0;

  /** Who has jobs; `undefined` when it is time to look. Without those of whom none was taken: it isn't known where they begin. */
  known(nowMs: number): KnownLanes | undefined {
    const { leastMs, mostMs, times } = this.#news ? NEWS : LOOK;
    const goodMs = Math.min(mostMs, Math.max(leastMs, times * this.#lookMs));
    if (nowMs - this.#lookedMs >= goodMs || this.#fronts.size === 0) return undefined;
    const tenants: string[] = [];
    const priorities: number[] = [];
    const seqs: number[] = [];
    for (const [tenant, front] of this.#fronts) {
      if (front === undefined) return undefined;
      tenants.push(tenant);
      priorities.push(front.priority);
      seqs.push(front.seq);
    }
    return { tenants, priorities, seqs };
  }

  /** A claim without a look took that long. */
  passed(tookMs: number): void {
    this.#plainMs += LATEST * (tookMs - this.#plainMs);
  }

  /** What a look has seen; nobody, when it found less than was wanted. */
  looked(tenants: readonly string[], nowMs: number, tookMs: number): void {
    this.#lookMs = Math.max(0, tookMs - this.#plainMs);
    this.#fronts.clear();
    for (const tenant of tenants) this.#fronts.set(tenant, undefined);
    this.#lookedMs = nowMs;
    this.#news = false;
  }

  /** Jobs have been enqueued, perhaps somebody's who had none. */
  news(): void {
    this.#news = true;
  }

  /** Whoever is known at the last look. */
  get tenants(): readonly string[] {
    return [...this.#fronts.keys()];
  }

  /** A job was taken; those that are taken together come in their order. */
  took({ tenant, priority, seq }: ClaimedJob): void {
    if (this.#fronts.has(tenant)) this.#fronts.set(tenant, { priority, seq });
  }
}
