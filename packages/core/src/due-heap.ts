/** Something that is due at some time. */
export interface Due {
  /** On whatever clock; set before it is added, and not while it is in. */
  dueMs: number;
  /** Its place in the heap; `NOWHERE` at first. Kept by the heap. */
  index: number;
}

/** The index of who is in no heap. */
export const NOWHERE = -1;

/** A binary heap by due times, from which anybody can be removed in O(log n): each is its own entry and knows its place. */
export class DueHeap<Entry extends Due> {
  readonly #entries: Entry[] = [];
  readonly #isBefore: (a: Entry, b: Entry) => boolean;

  /** @param isBefore which of two is first; default who is due earlier, in no order among those due at the same time */
  constructor(isBefore: (a: Entry, b: Entry) => boolean = isEarlier) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Who is due first. */
  get first(): Entry | undefined {
    return this.#entries[0];
  }

  /** The entry must not be in. */
  add(entry: Entry): void {
    this.#up(entry, this.#entries.length);
  }

  /** Does nothing to who isn't in. */
  remove(entry: Entry): void {
    const { index } = entry;
    if (index === NOWHERE) return;
    entry.index = NOWHERE;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#down(last, index);
    if (last.index === index) this.#up(last, index);
  }

  #up(entry: Entry, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || !this.#isBefore(entry, parent)) break;
      this.#put(parent, index);
      index = above;
    }
    this.#put(entry, index);
  }

  #down(entry: Entry, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#entries[2 * index + 1];
      const right = this.#entries[2 * index + 2];
      if (left === undefined) break;
      const child = right !== undefined && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, entry)) break;
      const below = child.index;
      this.#put(child, index);
      index = below;
    }
    this.#put(entry, index);
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}

function isEarlier(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs;
}
