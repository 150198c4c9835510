import { Fields } from '@fairlead/net';
import type { AnswerSource, BodySink } from '../../engine/filter.ts';
import type { Entry } from './entry.ts';

/** A body that is being stored, and that others may read meanwhile. */
export interface Spool {
  /** Takes a copy of a part; false: it is given up, for want of room. */
  append(part: Buffer): boolean;
  /** The body is whole. What it is stored as; `undefined` when it can't be. */
  commit(): Entry | undefined | Promise<Entry | undefined>;
  /** It will never be whole, or isn't wanted. */
  abandon(): void;
  /** Gives the body from its beginning, as far as it has come and then as it comes. Only where its length is known. */
  reader(): AnswerSource;
  /**
   * What has come of it from an octet on, also when it is over; `undefined` where it isn't in memory. A slow client that is given it
   * from here doesn't slow down its origin.
   */
  from(at: number): Buffer | undefined;
  /** Whether anybody reads it. */
  readonly isRead: boolean;
}

const NOTHING = new Fields([]);
/** What a reader gives at once. */
const PART_BYTES = 64 * 1024;

/** Gives a body that lies in memory, wholly or as far as it has come. */
export class MemoryReader implements AnswerSource {
  readonly bytes: number;
  readonly #available: () => Buffer;
  /** Who tells when there is more. */
  readonly #tellers: Set<MemoryReader>;
  #sink: BodySink | undefined;
  #at = 0;
  #isFull = false;

  constructor(bytes: number, available: () => Buffer, tellers: Set<MemoryReader>) {
    this.bytes = bytes;
    this.#available = available;
    this.#tellers = tellers;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#tellers.add(this);
    this.more();
  }

  room(): void {
    this.#isFull = false;
    this.more();
  }

  stop(): void {
    this.#sink = undefined;
    this.#tellers.delete(this);
  }

  /** The rest never comes. */
  cut(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.cut();
  }

  /** There may be more of it. */
  more(): void {
    const whole = this.#available();
    while (this.#sink !== undefined && !this.#isFull && this.#at < whole.length) {
      const part = whole.subarray(this.#at, this.#at + PART_BYTES);
      this.#at += part.length;
      this.#isFull = !this.#sink.part(part);
    }
    if (this.#sink === undefined || this.#at < this.bytes) return;
    const sink = this.#sink;
    this.stop();
    sink.end(NOTHING);
  }
}
