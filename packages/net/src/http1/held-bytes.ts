const NOTHING = Buffer.alloc(0);
const LEAST_ROOM_BYTES = 1_024;

/**
 * Bytes that have arrived and are not consumed. One chunk at a time is held as it is; what must be joined is copied into
 * room that grows by doubling, so that a message that drips in byte by byte costs no more than one in large pieces.
 * Slices of `bytes` stay valid, but for those of a chunk that was lent: held octets are never overwritten.
 */
export class HeldBytes {
  bytes: Buffer = NOTHING;
  /** Where the unconsumed ones begin, and end. */
  start = 0;
  end = 0;
  /** Whether slices of `bytes` stay valid after this turn: not those of a chunk that was lent. */
  lasts = true;
  #isOwn = false;

  get length(): number {
    return this.end - this.start;
  }

  /** `isLent`: the chunk changes after the next `own`. */
  add(chunk: Buffer, isLent: boolean): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.lasts = !isLent;
      this.start = 0;
      this.end = chunk.length;
      this.#isOwn = false;
      return;
    }
    if (!this.#isOwn || this.end + chunk.length > this.bytes.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(LEAST_ROOM_BYTES, 2 * (this.length + chunk.length)));
      this.bytes.copy(room, 0, this.start, this.end);
      this.bytes = room;
      this.end = this.length;
      this.start = 0;
      this.lasts = true;
      this.#isOwn = true;
    }
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Copies what is held, unless that was done already. */
  own(): void {
    if (this.start === this.end) this.release();
    if (this.#isOwn || this.start === this.end) return;
    const own = Buffer.allocUnsafeSlow(Math.max(LEAST_ROOM_BYTES, 2 * this.length));
    this.bytes.copy(own, 0, this.start, this.end);
    this.end = this.length;
    this.start = 0;
    this.bytes = own;
    this.lasts = true;
    this.#isOwn = true;
  }

  /** The next `length` bytes, consumed. */
  take(length: number): Buffer {
    const taken = this.bytes.subarray(this.start, this.start + length);
    this.start += length;
    return taken;
  }

  /** Lets go of memory that nothing is held in. */
  release(): void {
    if (this.start !== this.end) return;
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
    this.#isOwn = false;
  }
}
