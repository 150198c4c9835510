import { fail } from '../errors.ts';
import type { FieldSieve } from './field-sieve.ts';
import { Fields } from './fields.ts';
import { CONTENT_LENGTH, KNOWN_NAMES, knownName, TRANSFER_ENCODING } from './known-names.ts';
import { MOST_FIELDS } from './limits.ts';
import { COLON, CR, IS_TOKEN, IS_VALUE, LF, octetName, SPACE, TAB } from './octets.ts';

/** What a scan returns when the bytes end before what it looks for does, and are right so far. */
export const INCOMPLETE = -1;

/** The first octet beyond ASCII. */
const OBS_TEXT = 0x80;
const DELETE = 0x7f;

/** Numbers that the scan of one line leaves: known name or −1, the name's start and end, the value's. */
const STRIDE = 5;

/**
 * Field lines up to and with the empty line after them (RFC 9112, section 5), found in one pass that makes no objects.
 * One scanner serves every connection: a scan and the reading of its results happen without anything in between.
 */
export class FieldScanner {
  /** Lines found by the last scan. */
  count = 0;
  /** Whether the last scan met octets beyond ASCII in a value (obs-text of RFC 9110, section 5.5). */
  hasObsText = false;
  /** Whether `kept` has met a name that its sieve notes. */
  isNoted = false;
  #text = '';
  #offset = 0;
  #usual = '';
  readonly #marks = new Int32Array(MOST_FIELDS * STRIDE);

  /**
   * Scans from `at`; returns the offset behind the empty line, or `INCOMPLETE`. Within a name or a value it may look at octets beyond
   * `end`, of which nothing follows.
   * @throws HTTP_MALFORMED at the first octet that can't stand where it is: folded lines, whitespace before the colon,
   * line ends that are not CRLF, tabs beside a framing field's value and control characters included
   * @throws HTTP_FIELDS_TOO_LARGE when there are more than `maxFields`
   */
  scan(bytes: Uint8Array, at: number, end: number, maxFields: number): number {
    const marks = this.#marks;
    this.count = 0;
    this.hasObsText = false;
    for (;;) {
      if (at >= end) return INCOMPLETE;
      if (bytes[at] === CR) {
        if (at + 1 >= end) return INCOMPLETE;
        if (bytes[at + 1] !== LF) throw misplaced('after the CR that ends the fields', bytes[at + 1]);
        return at + 2;
      }
      if (this.count === maxFields) {
        throw fail('HTTP_FIELDS_TOO_LARGE', `The message has more than ${maxFields} fields.`);
      }
      const nameStart = at;
      while (IS_TOKEN[bytes[at] ?? 0] === 1) at += 1;
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== COLON || at === nameStart) throw misplaced("in a field's name", bytes[at]);
      const nameEnd = at;
      at += 1;
      while (at < end && isBlank(bytes[at])) at += 1;
      const valueStart = at;
      let octet = bytes[at] ?? 0;
      // Nearly all of them are visible ASCII and spaces.
      while (octet >= SPACE && octet < DELETE) {
        at += 1;
        octet = bytes[at] ?? 0;
      }
      if (at < end && octet !== CR) {
        const plainEnd = at;
        while (at < end && IS_VALUE[bytes[at] ?? 0] === 1) at += 1;
        this.hasObsText ||= hasObsText(bytes, plainEnd, at);
      }
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== CR) throw misplaced("in a field's value", bytes[at]);
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) throw misplaced("after the CR that ends a field's line", bytes[at + 1]);
      let valueEnd = at;
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd -= 1;
      const known = knownName(bytes, nameStart, nameEnd);
      if ((known === TRANSFER_ENCODING || known === CONTENT_LENGTH) && hasTab(bytes, nameEnd, at)) {
        // There are parsers to whom "chunked" and a tab is another coding.
        throw misplaced("beside a field's value that says where the body ends", TAB);
      }
      at += 2;
      const mark = this.count * STRIDE;
      marks[mark] = known;
      marks[mark + 1] = nameStart;
      marks[mark + 2] = nameEnd;
      marks[mark + 3] = valueStart;
      marks[mark + 4] = valueEnd;
      this.count += 1;
    }
  }

  /** The place in `KNOWN_NAMES` of a line's name, or −1. */
  knownAt(line: number): number {
    return this.#marks[line * STRIDE] ?? -1;
  }

  /** What the last scan went over, as text: latin1 of the bytes from `offset` on. For all that is asked from now on. */
  read(text: string, offset: number): void {
    this.#text = text;
    this.#offset = offset;
  }

  /** A line's name, lower-case. */
  nameAt(line: number): string {
    const mark = line * STRIDE;
    return KNOWN_NAMES[this.#marks[mark] ?? -1] ?? this.#slice(mark + 1).toLowerCase();
  }

  /** A line's value. */
  valueAt(line: number): string {
    return this.#slice(line * STRIDE + 3);
  }

  /** A line's value that mostly is the same as in the last message: the same string then, so that it is known where it is looked up. */
  usualAt(line: number): string {
    const start = (this.#marks[line * STRIDE + 3] ?? 0) - this.#offset;
    const length = (this.#marks[line * STRIDE + 4] ?? 0) - this.#offset - start;
    const usual = this.#usual;
    if (usual.length === length && this.#text.startsWith(usual, start)) return usual;
    this.#usual = this.valueAt(line);
    return this.#usual;
  }

  /** All names and values. */
  fields(): Fields {
    const list: string[] = [];
    for (let line = 0; line < this.count; line += 1) list.push(this.nameAt(line), this.valueAt(line));
    return new Fields(list);
  }

  /** All lines, to be taken apart when somebody asks for one. */
  lines(): Fields {
    if (this.count === 0) return new Fields([]);
    return new Fields(this.#text.slice((this.#marks[1] ?? 0) - this.#offset, -2));
  }

  /**
   * The lines that a sieve lets through and that are not `named`, each with its CRLF. They are as they came, but for
   * blanks around the value, which become one before it.
   */
  kept(sieve: FieldSieve, named: readonly string[] | undefined): string {
    const marks = this.#marks;
    const text = this.#text;
    const offset = this.#offset;
    let kept = '';
    let runStart = -1;
    this.isNoted = false;
    for (let line = 0; line < this.count; line += 1) {
      const mark = line * STRIDE;
      const known = marks[mark] ?? -1;
      const nameStart = (marks[mark + 1] ?? 0) - offset;
      if (known !== -1 && sieve.notes(known)) this.isNoted = true;
      const isDropped =
        known === -1 || named !== undefined ? this.#isDropped(line, sieve, named) : sieve.dropsKnown(known);
      if (!isDropped && this.#isPlain(mark)) {
        if (runStart === -1) runStart = nameStart;
        continue;
      }
      if (runStart !== -1) kept += text.slice(runStart, nameStart);
      runStart = -1;
      if (!isDropped) kept += `${this.#slice(mark + 1)}: ${this.#slice(mark + 3)}\r\n`;
    }
    return runStart === -1 ? kept : kept + text.slice(runStart, -2);
  }

  #isDropped(line: number, sieve: FieldSieve, named: readonly string[] | undefined): boolean {
    const name = this.nameAt(line);
    return sieve.drops(name) || named?.includes(name) === true;
  }

  /** Whether a line is a name, a colon, a space and a value, and ends there. */
  #isPlain(mark: number): boolean {
    const marks = this.#marks;
    const nameEnd = (marks[mark + 2] ?? 0) - this.#offset;
    const valueStart = (marks[mark + 3] ?? 0) - this.#offset;
    const valueEnd = (marks[mark + 4] ?? 0) - this.#offset;
    return (
      valueStart === nameEnd + 2 &&
      this.#text.charCodeAt(nameEnd + 1) === SPACE &&
      this.#text.charCodeAt(valueEnd) === CR
    );
  }

  #slice(mark: number): string {
    return this.#text.slice((this.#marks[mark] ?? 0) - this.#offset, (this.#marks[mark + 1] ?? 0) - this.#offset);
  }
}

/** The scanner that every reader of this process shares. */
export const fieldScanner = new FieldScanner();

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function hasObsText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if ((bytes[at] ?? 0) >= OBS_TEXT) return true;
  return false;
}

function hasTab(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] === TAB) return true;
  return false;
}

/** An octet that can't stand where it does. */
export function misplaced(where: string, octet: number | undefined) {
  return fail('HTTP_MALFORMED', `There is ${octetName(octet ?? 0)} ${where}.`);
}
