import { fail } from '../errors.ts';
import { Fields } from './fields.ts';
import { CONTENT_LENGTH, KNOWN_NAMES, knownName, TRANSFER_ENCODING } from './known-names.ts';
import { MOST_FIELDS } from './limits.ts';
import { COLON, CR, IS_TOKEN, IS_VALUE, LF, octetName, SPACE, TAB } from './octets.ts';

/** What a scan returns when the bytes end before what it looks for does, and are right so far. */
export const INCOMPLETE = -1;

/** Numbers that the scan of one line leaves: known name or −1, the name's start and end, the value's. */
const STRIDE = 5;

/**
 * Field lines up to and with the empty line after them (RFC 9112, section 5), found in one pass that makes no objects.
 * One scanner serves every connection: a scan and the reading of its results happen without anything in between.
 */
export class FieldScanner {
  /** Lines found by the last scan. */
  count = 0;
  readonly #marks = new Int32Array(MOST_FIELDS * STRIDE);

  /**
   * Scans from `at`; returns the offset behind the empty line, or `INCOMPLETE`.
   * @throws HTTP_MALFORMED at the first octet that can't stand where it is: folded lines, whitespace before the colon,
   * line ends that are not CRLF, tabs beside a framing field's value and control characters included
   * @throws HTTP_FIELDS_TOO_LARGE when there are more than `maxFields`
   */
  scan(bytes: Uint8Array, at: number, end: number, maxFields: number): number {
    const marks = this.#marks;
    this.count = 0;
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
      while (at < end && IS_TOKEN[bytes[at] ?? 0] === 1) at += 1;
      if (at === end) return INCOMPLETE;
      if (bytes[at] !== COLON || at === nameStart) throw misplaced("in a field's name", bytes[at]);
      const nameEnd = at;
      at += 1;
      while (at < end && isBlank(bytes[at])) at += 1;
      const valueStart = at;
      while (at < end && IS_VALUE[bytes[at] ?? 0] === 1) at += 1;
      if (at === end) return INCOMPLETE;
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

  /** What the last scan found, as text. `text` is latin1 of the bytes from `offset` on. */
  fields(text: string, offset: number): Fields {
    const marks = this.#marks;
    const list: string[] = [];
    for (let mark = 0; mark < this.count * STRIDE; mark += STRIDE) {
      const known = marks[mark] ?? -1;
      list.push(
        KNOWN_NAMES[known] ??
          text.slice((marks[mark + 1] ?? 0) - offset, (marks[mark + 2] ?? 0) - offset).toLowerCase(),
        text.slice((marks[mark + 3] ?? 0) - offset, (marks[mark + 4] ?? 0) - offset),
      );
    }
    return new Fields(list);
  }
}

/** The scanner that every reader of this process shares. */
export const fieldScanner = new FieldScanner();

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function hasTab(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] === TAB) return true;
  return false;
}

/** An octet that can't stand where it does. */
export function misplaced(where: string, octet: number | undefined) {
  return fail('HTTP_MALFORMED', `There is ${octetName(octet ?? 0)} ${where}.`);
}
