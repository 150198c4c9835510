/** What can be chosen to go. */
export interface Visited {
  /** Asked for since the hand has passed; whoever gives it out sets this. */
  isVisited: boolean;
}

interface Node<T> {
  readonly value: T;
  readonly bytes: number;
  newer: Node<T> | undefined;
  older: Node<T> | undefined;
}

/**
 * Whose turn it is to go: SIEVE (Zhang et al., NSDI 2024). A hand goes from the oldest to the newest, spares what was asked for
 * since it last passed, and takes the first that was not. Being asked for moves nothing, and what is asked for only once leaves
 * before what is asked for again, however many pass by.
 */
export class Sieve<T extends Visited> {
  readonly #nodes = new Map<T, Node<T>>();
  #newest: Node<T> | undefined;
  #oldest: Node<T> | undefined;
  #hand: Node<T> | undefined;
  #bytes = 0;

  get size(): number {
    return this.#nodes.size;
  }

  /** Of all that is in it. */
  get bytes(): number {
    return this.#bytes;
  }

  values(): MapIterator<T> {
    return this.#nodes.keys();
  }

  has(value: T): boolean {
    return this.#nodes.has(value);
  }

  add(value: T, bytes: number): void {
    const node: Node<T> = { value, bytes, newer: undefined, older: this.#newest };
    if (this.#newest !== undefined) this.#newest.newer = node;
    this.#newest = node;
    this.#oldest ??= node;
    this.#nodes.set(value, node);
    this.#bytes += bytes;
  }

  /** Whether it was there. */
  delete(value: T): boolean {
    const node = this.#nodes.get(value);
    if (node === undefined) return false;
    this.#nodes.delete(value);
    this.#bytes -= node.bytes;
    if (this.#hand === node) this.#hand = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    return true;
  }

  /** Who goes next; `undefined` when there is nobody. */
  next(): T | undefined {
    let node = this.#hand ?? this.#oldest;
    while (node?.value.isVisited === true) {
      node.value.isVisited = false;
      node = node.newer ?? this.#oldest;
    }
    this.#hand = node;
    return node?.value;
  }
}
