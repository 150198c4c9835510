const LEAST_BYTES = 1024;
/** From here on Node's own conversion is faster than a loop. */
const LONG = 128;
/** A character of UTF-16 takes at most this many bytes of UTF-8. */
const MOST_BYTES = 3;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const DELETE = 0x7f;

/** Text as it will be sent. */
export type Bytes = Uint8Array;

/** The UTF-8 of a text that will be written again and again. */
export function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/**
 * JSON that is written where it will be sent from. Texts that are put together, joined and then converted take several
 * times as long, and leave their parts to the garbage collector.
 */
export class JsonBuffer {
  #bytes: Buffer<ArrayBuffer>;
  #length = 0;

  /** `sizeHint`: bytes that it will probably hold; it grows. */
  constructor(sizeHint: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, sizeHint));
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written; valid until more is. */
  written(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Writes bytes as they are. */
  raw(bytes: Bytes): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes a text as it is. */
  text(text: string): void {
    this.#reserve(text.length * MOST_BYTES);
    if (text.length >= LONG || !this.#ascii(text)) this.#length += this.#bytes.write(text, this.#length);
  }

  /** Writes a string with its quotes. */
  string(text: string): void {
    if (text.length >= LONG) return this.text(JSON.stringify(text));
    this.#reserve(text.length + 2);
    const start = this.#length;
    this.#bytes[this.#length++] = QUOTE;
    if (this.#plain(text)) {
      this.#bytes[this.#length++] = QUOTE;
    } else {
      this.#length = start;
      this.text(JSON.stringify(text));
    }
  }

  /** Writes the last `digits` decimal digits of a whole number, zeros included. */
  digits(value: number, digits: number): void {
    this.#reserve(digits);
    let left = value;
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const tenth = Math.floor(left / 10);
      this.#bytes[at] = ZERO + (left - tenth * 10);
      left = tenth;
    }
    this.#length += digits;
  }

  /** Writes the characters if all are ASCII; else nothing that counts. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > DELETE) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  /** The same if none needs an escape either. */
  #plain(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > DELETE || code === QUOTE || code === BACKSLASH) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
