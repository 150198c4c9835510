import type { Fields } from '@fairlead/net';
import type { BodySink, BodyStage } from '../../engine/filter.ts';
import type { Spool } from './spool.ts';

/** What becomes of a body that is stored on its way. */
export interface RecordingEnds {
  /** Whether others read it: then it goes on without its own client. */
  isShared(): boolean;
  whole(): void;
  lost(): void;
}

const PART_BYTES = 64 * 1024;

/**
 * Stores a body while it passes. A client that is slower than its origin is given it from memory, as far as that holds it, so that
 * neither storing nor others wait for it; beyond that, the origin is slowed down as it would be without us.
 */
export class Recording implements BodyStage {
  readonly #next: BodySink;
  readonly #source: { room(): void };
  readonly #spool: Spool;
  readonly #ends: RecordingEnds;
  #isStoring = true;
  /** Octets that the client was given. */
  #given = 0;
  /** The client is behind: it is given what is in memory before anything else. */
  #isBehind = false;
  /** What came when nothing was stored any more, and the client had no room. */
  #waiting: Buffer[] = [];
  /** The body is whole, and the client is told when it has all of it. */
  #end: Fields | undefined;

  constructor(next: BodySink, source: { room(): void }, spool: Spool, ends: RecordingEnds) {
    this.#next = next;
    this.#source = source;
    this.#spool = spool;
    this.#ends = ends;
  }

  /** Whether it goes on when its client has gone. */
  get outlivesClient(): boolean {
    return this.#isStoring && this.#ends.isShared();
  }

  part(part: Buffer): boolean {
    if (this.#isStoring && !this.#spool.append(part)) {
      this.#isStoring = false;
      this.#ends.lost();
      if (this.#isBehind) this.#keepRest();
    }
    if (!this.#isBehind) {
      this.#given += part.length;
      if (this.#next.part(part)) return true;
      this.#isBehind = true;
    } else if (!this.#isStoring || this.#spool.from(this.#given) === undefined) this.#waiting.push(Buffer.from(part));
    return this.#isStoring && this.#spool.from(this.#given) !== undefined;
  }

  end(trailers: Fields): void {
    if (this.#isStoring) this.#ends.whole();
    this.#end = trailers;
    if (!this.#isBehind || this.#isAllGiven) this.#next.end(trailers);
  }

  cut(): void {
    if (this.#isStoring) {
      this.#isStoring = false;
      this.#spool.abandon();
      this.#ends.lost();
    }
    this.#next.cut();
  }

  room(): void {
    if (this.#isBehind && !this.#catchUp()) return;
    this.#isBehind = false;
    if (this.#end === undefined) this.#source.room();
    else this.#next.end(this.#end);
  }

  get #isAllGiven(): boolean {
    return this.#waiting.length === 0 && (this.#spool.from(this.#given)?.length ?? 0) === 0;
  }

  /** Whether the client has all that there is. */
  #catchUp(): boolean {
    for (;;) {
      const rest = this.#waiting.shift() ?? (this.#isStoring ? this.#spool.from(this.#given) : undefined);
      if (rest === undefined || rest.length === 0) return true;
      for (let at = 0; at < rest.length; at += PART_BYTES) {
        const part = rest.subarray(at, at + PART_BYTES);
        this.#given += part.length;
        if (this.#next.part(part)) continue;
        const left = rest.subarray(at + part.length);
        // What is stored can be taken from there again.
        if (!this.#isStoring && left.length > 0) this.#waiting.unshift(left);
        return this.#isAllGiven;
      }
    }
  }

  /** What the client hasn't got is all that is left of what was stored. */
  #keepRest(): void {
    const rest = this.#spool.from(this.#given);
    if (rest !== undefined && rest.length > 0) this.#waiting.push(Buffer.from(rest));
  }
}
