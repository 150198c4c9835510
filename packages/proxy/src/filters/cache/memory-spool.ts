import type { AnswerSource } from '../../engine/filter.ts';
import type { Entry } from './entry.ts';
import { MemoryReader, type Spool } from './spool.ts';

/** What a body takes while it grows, and what becomes of it. */
export interface SpoolRoom {
  /** More of it; false when there is none. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** It will not be stored; what was reserved by `reserve` has been released. */
  gone(): void;
  /** It is whole, in a memory of its own. */
  whole(body: Buffer): Entry;
}

const FIRST_BYTES = 4 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** A body on its way into memory: of the length that it will have, or as it grows. */
export class MemorySpool implements Spool {
  readonly #statedBytes: number;
  readonly #mostBytes: number;
  readonly #room: SpoolRoom;
  readonly #readers = new Set<MemoryReader>();
  #memory: Buffer;
  #bytes = 0;
  #isOver = false;

  /** `statedBytes` have been reserved; −1: nobody knows. */
  constructor(statedBytes: number, mostBytes: number, room: SpoolRoom) {
    this.#statedBytes = statedBytes;
    this.#mostBytes = mostBytes;
    this.#room = room;
    this.#memory = statedBytes > 0 ? Buffer.allocUnsafeSlow(statedBytes) : NO_BYTES;
  }

  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  append(part: Buffer): boolean {
    if (this.#isOver) return false;
    if (!this.#fits(this.#bytes + part.length)) {
      this.abandon();
      return false;
    }
    part.copy(this.#memory, this.#bytes);
    this.#bytes += part.length;
    for (const reader of this.#readers) reader.more();
    return true;
  }

  commit(): Entry | undefined {
    if (this.#isOver) return undefined;
    // What was promised hasn't come.
    if (this.#statedBytes >= 0 && this.#bytes !== this.#statedBytes) {
      this.abandon();
      return undefined;
    }
    this.#isOver = true;
    let body = this.#memory;
    if (body.length > this.#bytes) {
      body = Buffer.allocUnsafeSlow(this.#bytes);
      this.#memory.copy(body, 0, 0, this.#bytes);
      this.#room.release(this.#memory.length - this.#bytes);
      this.#memory = body;
    }
    const entry = this.#room.whole(body);
    for (const reader of this.#readers) reader.more();
    return entry;
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#room.release(this.#memory.length);
    this.#room.gone();
    for (const reader of this.#readers) reader.cut();
    this.#readers.clear();
  }

  reader(): AnswerSource {
    return new MemoryReader(this.#statedBytes, () => this.#memory.subarray(0, this.#bytes), this.#readers);
  }

  from(at: number): Buffer {
    return this.#memory.subarray(at, this.#bytes);
  }

  /** Grows by doubling. */
  #fits(bytes: number): boolean {
    if (bytes <= this.#memory.length) return true;
    if (this.#statedBytes >= 0 || bytes > this.#mostBytes) return false;
    const size = Math.min(this.#mostBytes, Math.max(FIRST_BYTES, bytes, this.#memory.length * 2));
    if (!this.#room.reserve(size - this.#memory.length)) return false;
    const memory = Buffer.allocUnsafeSlow(size);
    this.#memory.copy(memory, 0, 0, this.#bytes);
    this.#memory = memory;
    return true;
  }
}
