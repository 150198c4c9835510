/** Which events after the cursor have been read, and how far they are settled without a gap. */
export class Progress {
  /** Read and not yet below `settledThrough`, in order of position. */
  readonly #open: { readonly position: bigint; settled: boolean }[] = [];
  readonly #byPosition = new Map<bigint, { readonly position: bigint; settled: boolean }>();
  #readThrough: bigint;
  #settledThrough: bigint;

  constructor(cursor: bigint) {
    this.#readThrough = cursor;
    this.#settledThrough = cursor;
  }

  /** Where to read on. */
  get readThrough(): bigint {
    return this.#readThrough;
  }

  /** Where the cursor may stand: everything read up to here is settled. */
  get settledThrough(): bigint {
    return this.#settledThrough;
  }

  /** Events that hold the cursor, or wait behind one that does. */
  get open(): number {
    return this.#open.length;
  }

  /** An event was read. Positions grow. */
  read(position: bigint): void {
    const entry = { position, settled: false };
    this.#open.push(entry);
    this.#byPosition.set(position, entry);
    this.#readThrough = position;
  }

  /** An event needs no more of this consumer: handled, passed over or parked. */
  settle(position: bigint): void {
    const entry = this.#byPosition.get(position);
    if (entry === undefined) return;
    entry.settled = true;
    let settled = 0;
    for (const next of this.#open) {
      if (!next.settled) break;
      this.#settledThrough = next.position;
      this.#byPosition.delete(next.position);
      settled += 1;
    }
    if (settled > 0) this.#open.splice(0, settled);
  }
}
