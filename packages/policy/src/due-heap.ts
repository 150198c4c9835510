/** Slots by the time that each is due: a binary heap in arrays of a fixed size, from which any slot can be removed. */
export class DueHeap {
  readonly #dueMs: Float64Array;
  /** By position. */
  readonly #slots: Int32Array;
  /** By slot; −1 when it isn't in. */
  readonly #position: Int32Array;
  #size = 0;

  constructor(count: number) {
    this.#dueMs = new Float64Array(count);
    this.#slots = new Int32Array(count);
    this.#position = new Int32Array(count).fill(-1);
  }

  /** When a slot is, or was, due. */
  dueMs(slot: number): number {
    return this.#dueMs[slot] ?? 0;
  }

  has(slot: number): boolean {
    return (this.#position[slot] ?? -1) >= 0;
  }

  /** The slot must not be in. */
  add(slot: number, dueMs: number): void {
    this.#dueMs[slot] = dueMs;
    this.#put(slot, this.#size++);
    this.#up(slot);
  }

  /** The slot must be in. */
  remove(slot: number): void {
    const at = this.#position[slot] ?? 0;
    this.#position[slot] = -1;
    const last = this.#slots[--this.#size] ?? 0;
    if (last === slot) return;
    this.#put(last, at);
    this.#down(last);
    this.#up(last);
  }

  /** Takes out a slot that is due; −1 when none is. */
  takeDue(nowMs: number): number {
    const slot = this.#slots[0] ?? -1;
    if (this.#size === 0 || this.dueMs(slot) > nowMs) return -1;
    this.remove(slot);
    return slot;
  }

  #up(slot: number): void {
    for (let at = this.#position[slot] ?? 0; at > 0;) {
      const above = (at - 1) >> 1;
      const parent = this.#slots[above] ?? 0;
      if (this.dueMs(parent) <= this.dueMs(slot)) return;
      this.#put(parent, at);
      this.#put(slot, above);
      at = above;
    }
  }

  #down(slot: number): void {
    for (let at = this.#position[slot] ?? 0; ;) {
      let below = 2 * at + 1;
      if (below >= this.#size) return;
      const left = this.#slots[below] ?? 0;
      const right = this.#slots[below + 1] ?? 0;
      if (below + 1 < this.#size && this.dueMs(right) < this.dueMs(left)) below += 1;
      const child = this.#slots[below] ?? 0;
      if (this.dueMs(slot) <= this.dueMs(child)) return;
      this.#put(child, at);
      this.#put(slot, below);
      at = below;
    }
  }

  #put(slot: number, at: number): void {
    this.#slots[at] = slot;
    this.#position[slot] = at;
  }
}
