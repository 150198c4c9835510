import type { ResolvedTimeout } from './timeout-options.ts';

/** An attempt whose work goes on although it has been told to stop. */
export interface LateEntry {
  /** When it was told, on the monotonic clock. */
  readonly abandonedAtMs: number;
  newer: LateEntry | undefined;
  older: LateEntry | undefined;
}

/** Work that goes on after its end, as it is now. */
export interface LateWorkState {
  /** Attempts that were told to stop and have not settled. Each still holds its slot. */
  readonly unsettled: number;
  /** Those of them that were told so long ago that they are called stuck. */
  readonly stuck: number;
  /** Whether so many are stuck that this process should be given no new work; see `timeout.stuckLimit`. */
  readonly tooMany: boolean;
  /** Attempts that have ever been stuck, those that settled in the end included. */
  readonly stuckTotal: number;
  /** How long the oldest has been going on since it was told, in milliseconds. */
  readonly oldestMs: number;
}

/** The attempts that have not settled since they were told to stop, oldest first. */
export class LateWork {
  readonly #stuckAfterMs: number;
  readonly #stuckLimit: number;
  #oldest: LateEntry | undefined;
  #newest: LateEntry | undefined;
  #size = 0;
  #stuckAndSettled = 0;

  constructor({ stuckAfterMs, stuckLimit }: Pick<ResolvedTimeout, 'stuckAfterMs' | 'stuckLimit'>) {
    this.#stuckAfterMs = stuckAfterMs;
    this.#stuckLimit = stuckLimit;
  }

  /** An attempt has been told to stop. Returns what `remove` takes. */
  add(nowMs: number): LateEntry {
    const entry: LateEntry = { abandonedAtMs: nowMs, newer: undefined, older: this.#newest };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#size++;
    return entry;
  }

  /** It has settled. */
  remove(entry: LateEntry, nowMs: number): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    this.#size--;
    if (nowMs - entry.abandonedAtMs >= this.#stuckAfterMs) this.#stuckAndSettled++;
  }

  inspect(nowMs: number): LateWorkState {
    let stuck = 0;
    for (let each = this.#oldest; each !== undefined; each = each.newer) {
      if (nowMs - each.abandonedAtMs < this.#stuckAfterMs) break;
      stuck++;
    }
    return {
      unsettled: this.#size,
      stuck,
      tooMany: this.#stuckLimit > 0 && stuck >= this.#stuckLimit,
      stuckTotal: this.#stuckAndSettled + stuck,
      oldestMs: this.#oldest === undefined ? 0 : nowMs - this.#oldest.abandonedAtMs,
    };
  }
}
