const SLASH = 0x2f;
/** Of leaves, which are most nodes. */
const NO_SLOTS: undefined[] = [];

/**
 * A tree of paths by their segments. Looking for a segment makes no string of it: it is hashed where it stands in the
 * path, and compared there.
 */
export class SegmentNode<Value> {
  // What most requests look at stands together: of many routes, each line of memory is far away.
  readonly segment: string;
  readonly #hash: number;
  #count = 0;
  /** Of all paths that go on from here, and of the one that ends here. */
  below: Value | undefined;
  /** Of paths that end here, without and with a slash at the end. */
  whole: Value | undefined;
  wholeWithSlash: Value | undefined;
  /** The next node towards the root that has `below`. */
  shorter: SegmentNode<Value> | undefined;
  /** For any segment that isn't empty. */
  parameter: SegmentNode<Value> | undefined;
  /** Children at the place of their hash, or the next free one; at most half full. */
  #slots: (SegmentNode<Value> | undefined)[] = NO_SLOTS;

  constructor(segment: string) {
    this.segment = segment;
    this.#hash = hashOf(segment);
  }

  /** The child of a segment, made when it isn't there. */
  grow(segment: string): SegmentNode<Value> {
    const found = this.child(segment, 0, segment.length, hashOf(segment));
    if (found !== undefined) return found;
    const child = new SegmentNode<Value>(segment);
    this.#count += 1;
    if (this.#count * 2 > this.#slots.length) {
      const before = this.#slots;
      this.#slots = Array.from({ length: Math.max(2, before.length * 2) }, () => undefined);
      for (const each of before) if (each !== undefined) this.#put(each);
    }
    this.#put(child);
    return child;
  }

  #put(child: SegmentNode<Value>): void {
    const mask = this.#slots.length - 1;
    let at = child.#hash & mask;
    while (this.#slots[at] !== undefined) at = (at + 1) & mask;
    this.#slots[at] = child;
  }

  /** The child of the segment of `path` from `start` to `end`. */
  child(path: string, start: number, end: number, hash: number): SegmentNode<Value> | undefined {
    // Most nodes are leaves, and know it without looking further.
    if (this.#count === 0) return undefined;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = hash & mask;
    let found = slots[at];
    while (found !== undefined) {
      if (found.#hash === hash && found.segment.length === end - start && path.startsWith(found.segment, start))
        return found;
      at = (at + 1) & mask;
      found = slots[at];
    }
    return undefined;
  }

  /** Every child. */
  children(): readonly SegmentNode<Value>[] {
    return this.#slots.filter((each) => each !== undefined);
  }
}

/**
 * Where the segment that begins at `start` ends, and its hash (FNV-1a, with its high bits brought down), in one pass. What it
 * found is to be read before it is asked again: nothing is made for an answer.
 */
export class SegmentScan {
  end = 0;
  hash = 0;

  scan(path: string, start: number): void {
    let hash = 0x811c9dc5;
    let at = start;
    for (; at < path.length; at += 1) {
      const code = path.charCodeAt(at);
      if (code === SLASH) break;
      hash = Math.imul(hash ^ code, 0x01000193);
    }
    this.end = at;
    this.hash = hash ^ (hash >>> 15);
  }
}

const scan = new SegmentScan();

function hashOf(segment: string): number {
  scan.scan(segment, 0);
  return scan.hash;
}
