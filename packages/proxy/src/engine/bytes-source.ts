import { Fields } from '@fairlead/net';
import type { AnswerSource, BodySink } from './filter.ts';

/** What is given at once, so that a slow client has little of it waiting. */
const PART_BYTES = 64 * 1024;
const NO_TRAILERS = new Fields([]);

/** A body that is there, given as fast as it is taken. */
export class BytesSource implements AnswerSource {
  readonly bytes: number;
  readonly #body: Buffer;
  #sink: BodySink | undefined;
  #at = 0;
  #isGiving = false;
  #isAsked = false;

  constructor(body: Buffer) {
    this.#body = body;
    this.bytes = body.length;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.room();
  }

  room(): void {
    this.#isAsked = true;
    // Whoever says within a part that there is room is heard when that has been given.
    if (this.#isGiving) return;
    this.#isGiving = true;
    while (this.#isAsked && this.#sink !== undefined && this.#at < this.bytes) {
      const end = Math.min(this.bytes, this.#at + PART_BYTES);
      const part = this.#body.subarray(this.#at, end);
      this.#at = end;
      this.#isAsked = false;
      if (this.#sink.part(part)) this.#isAsked = true;
    }
    this.#isGiving = false;
    const sink = this.#sink;
    if (this.#at < this.bytes || sink === undefined) return;
    this.#sink = undefined;
    sink.end(NO_TRAILERS);
  }

  stop(): void {
    this.#sink = undefined;
  }
}
