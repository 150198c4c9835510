import { fail } from '../errors.ts';
import { chunkLine } from './chunk-line.ts';
import { Fields } from './fields.ts';
import { fieldScanner, INCOMPLETE, misplaced } from './field-scanner.ts';
import { CHUNKED, UNTIL_CLOSE } from './framing.ts';
import { HeldBytes } from './held-bytes.ts';
import { CONNECTION, EXPECT } from './known-names.ts';
import type { ResolvedLimits } from './limits.ts';
import type { MessageHead } from './message-head.ts';
import { CR, LF } from './octets.ts';

/**
 * What `read` has come to:
 * - `more`: nothing, until `add` brings more bytes;
 * - `head`: a whole head, in `head`;
 * - `data`: a part of the body, in `data`;
 * - `end`: the end of the message. The next `read` begins with the next one.
 */
export type Step = 'more' | 'head' | 'data' | 'end';

/** Where in a message the reader stands. */
type Place = 'head' | 'counted' | 'until-close' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'end' | 'broken';

const NO_BYTES = Buffer.alloc(0);
const NO_FIELDS = new Fields([]);

/**
 * Messages out of bytes, incrementally and without doing anything by itself: `add` what arrives, `read` until it says
 * `more`. Wherever the bytes are cut, the steps and the joined data are the same. What is wrong throws and stays wrong:
 * after that, the connection can only be closed.
 */
export abstract class MessageReader<Head extends MessageHead> {
  /** The head that the last `head` step came to. */
  head: Head | undefined;
  /** The part of the body that the last `data` step came to: a view into what was added. */
  data: Buffer = NO_BYTES;
  /** The trailers of the message that has ended; mostly none. */
  trailers: Fields = NO_FIELDS;
  /** Largest body of the current message, in bytes; may be set after each head. Default: no limit. 0 allows none. */
  maxBodyBytes = Infinity;
  protected readonly limits: ResolvedLimits;
  readonly #held = new HeldBytes();
  #place: Place = 'head';
  /** Bytes that the current body, or the current chunk, has left. */
  #leftBytes = 0;
  #bodyBytes = 0;
  /** Bytes of chunk lines beyond their digits; a flood of them is an attack. */
  #extraBytes = 0;
  /** How far the head or trailers were looked at in vain; −1 before the first look. */
  #soughtBytes = -1;

  constructor(limits: ResolvedLimits) {
    this.limits = limits;
  }

  /** A head from `start` on, if one is whole before `end`. */
  protected abstract parse(bytes: Buffer, start: number, end: number): Head | undefined;

  /** Bytes that were added and not read. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Whether the bytes so far end between two messages. */
  get isBetween(): boolean {
    return this.#place === 'head' && this.#held.length === 0;
  }

  /** Adds what has arrived. The chunk is kept, not copied; it must not change, or if it `isLent`, not before `keep`. */
  add(chunk: Buffer, isLent = false): void {
    if (chunk.length > 0) this.#held.add(chunk, isLent);
  }

  /** The part of the body that the last step came to, in memory that lasts: a copy, if it is of a chunk that was lent. */
  get lastingData(): Buffer {
    return this.#held.lasts ? this.data : Buffer.from(this.data);
  }

  /** What was added and not read is kept in memory of its own, so that the chunk may be used again. */
  keep(): void {
    this.#held.own();
  }

  /** Everything that was added and not read, of another protocol now. */
  rest(): Buffer {
    this.#place = 'broken';
    return this.#held.take(this.#held.length);
  }

  /**
   * The peer sends no more, and `read` has said `more`: the end of a body that ends with the connection, and of anything
   * else a fault.
   * @throws HTTP_INCOMPLETE, or what is wrong with the bytes so far
   */
  finish(): Step {
    if (this.#place === 'until-close' && this.#held.length === 0) {
      this.#place = 'end';
      return this.read();
    }
    if (this.isBetween) return 'more';
    this.#soughtBytes = -1;
    this.read();
    throw this.#break(fail('HTTP_INCOMPLETE', 'The connection ended within a message.'));
  }

  /**
   * Goes on to the next step.
   * @throws HTTP_MALFORMED and the other `HTTP_…` codes
   */
  read(): Step {
    try {
      return this.#read();
    } catch (error) {
      throw this.#break(error);
    }
  }

  #break(error: unknown): unknown {
    this.#place = 'broken';
    return error;
  }

  #read(): Step {
    for (;;) {
      switch (this.#place) {
        case 'head':
          return this.#readHead();
        case 'counted':
          return this.#readCounted('end');
        case 'until-close':
          this.#leftBytes = this.#held.length;
          return this.#leftBytes === 0 ? 'more' : this.#readCounted('until-close');
        case 'chunk-line':
          if (!this.#readChunkLine()) return 'more';
          break;
        case 'chunk':
          return this.#readCounted('chunk-end');
        case 'chunk-end':
          if (!this.#readChunkEnd()) return 'more';
          break;
        case 'trailers':
          if (!this.#readTrailers()) return 'more';
          break;
        case 'end':
          this.#place = 'head';
          this.#held.release();
          return 'end';
        default:
          throw fail('HTTP_MALFORMED', 'An earlier message of this connection was malformed.');
      }
    }
  }

  #readHead(): Step {
    const held = this.#held;
    if (!this.#isWorthALook()) return 'more';
    const head = this.parse(held.bytes, held.start, Math.min(held.end, held.start + this.limits.maxHeadBytes));
    if (head === undefined) return this.#lookLater();
    this.head = head;
    this.trailers = NO_FIELDS;
    held.start += head.byteLength;
    this.#soughtBytes = -1;
    this.#bodyBytes = 0;
    this.#extraBytes = 0;
    this.#place = this.placeAfter(head);
    this.#leftBytes = head.bodyBytes;
    return 'head';
  }

  /** Where the reader stands after a head. */
  protected placeAfter(head: Head): 'head' | 'end' | 'counted' | 'chunk-line' | 'until-close' {
    if (head.bodyBytes === 0) return 'end';
    if (head.bodyBytes === CHUNKED) return 'chunk-line';
    return head.bodyBytes === UNTIL_CLOSE ? 'until-close' : 'counted';
  }

  /** A head or trailers that were incomplete can only have become whole, or wrong, by a line's end. */
  #isWorthALook(): boolean {
    const { bytes, start, end, length } = this.#held;
    if (length === 0) return false;
    if (this.#soughtBytes === -1 || length >= this.limits.maxHeadBytes) return true;
    const found = bytes.indexOf(LF, start + this.#soughtBytes);
    if (found !== -1 && found < end) return true;
    this.#soughtBytes = length;
    return false;
  }

  #lookLater(): 'more' {
    const { length } = this.#held;
    if (length >= this.limits.maxHeadBytes) {
      throw fail('HTTP_FIELDS_TOO_LARGE', `The message's head is larger than ${this.limits.maxHeadBytes} bytes.`);
    }
    this.#soughtBytes = length;
    return 'more';
  }

  #readCounted(after: Place): Step {
    const held = this.#held;
    // A length that was promised is refused at once; the parts of other bodies as they come.
    if (this.#bodyBytes + this.#leftBytes > this.maxBodyBytes) throw this.#tooLarge();
    const available = held.length;
    if (available === 0) return 'more';
    const length = Math.min(available, this.#leftBytes);
    this.data = held.take(length);
    this.#bodyBytes += length;
    this.#leftBytes -= length;
    if (this.#leftBytes === 0) this.#place = after;
    return 'data';
  }

  #readChunkLine(): boolean {
    const held = this.#held;
    const after = chunkLine.scan(held.bytes, held.start, held.end);
    if (after === INCOMPLETE) return false;
    // A digit or two and the line's end are what it takes.
    this.#extraBytes += Math.max(0, after - held.start - 10);
    if (this.#extraBytes > this.limits.maxHeadBytes) {
      throw fail('HTTP_FIELDS_TOO_LARGE', "The extensions of the body's chunks are larger than its head may be.");
    }
    held.start = after;
    this.#leftBytes = chunkLine.sizeBytes;
    this.#place = this.#leftBytes === 0 ? 'trailers' : 'chunk';
    return true;
  }

  #readChunkEnd(): boolean {
    const { bytes, start, length } = this.#held;
    if (length === 0) return false;
    if (bytes[start] !== CR) throw misplaced("after a chunk's data", bytes[start]);
    if (length === 1) return false;
    if (bytes[start + 1] !== LF) throw misplaced("after a chunk's data", bytes[start + 1]);
    this.#held.start += 2;
    this.#place = 'chunk-line';
    return true;
  }

  #readTrailers(): boolean {
    const held = this.#held;
    if (!this.#isWorthALook()) return false;
    const end = Math.min(held.end, held.start + this.limits.maxHeadBytes);
    const after = fieldScanner.scan(held.bytes, held.start, end, this.limits.maxFields);
    if (after === INCOMPLETE) {
      this.#lookLater();
      return false;
    }
    if (fieldScanner.count > 0) this.trailers = this.#trailers(after);
    held.start = after;
    this.#soughtBytes = -1;
    this.#place = 'end';
    return true;
  }

  /** Trailers must not say what only a head may. */
  #trailers(after: number): Fields {
    for (let line = 0; line < fieldScanner.count; line += 1) {
      const known = fieldScanner.knownAt(line);
      if (known === -1 || known > EXPECT || known === CONNECTION) continue;
      throw fail('HTTP_MALFORMED', 'The trailers hold a field that frames or routes a message.');
    }
    const { bytes, start } = this.#held;
    fieldScanner.read(bytes.toString('latin1', start, after), start);
    return fieldScanner.fields();
  }

  #tooLarge() {
    return fail('HTTP_BODY_TOO_LARGE', `The body is larger than ${this.maxBodyBytes} bytes.`);
  }
}
