/**
 * Things that come and go, each in a slot of its own, which whoever adds it remembers. For what every request joins and leaves:
 * a `Set` does the same, but V8 leaves its old table behind whenever it is rebuilt, each leading to the next one. Once one of them
 * is old, all that has ever been a member outlives the young generation, and collecting it costs many times as much.
 */
export class Slots<Item> implements Iterable<Item> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  /** How many there are. */
  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Takes a thing in; returns its slot, which is its own until `remove`. */
  add(item: Item & object): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  /** Empties a slot that `add` has returned. To be called once for each: the slot is then another's. */
  remove(slot: number): void {
    this.#items[slot] = undefined;
    this.#free.push(slot);
  }

  /** All of them, by slot. Those that go meanwhile are not met; those that come may be. */
  *[Symbol.iterator](): Generator<Item> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
