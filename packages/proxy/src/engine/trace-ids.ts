import type { Random } from '@fairlead/core';

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const ID_BYTES = TRACE_BYTES + SPAN_BYTES;
/** Made at once. */
const STOCK = 128;
const NO_TRACE = '0'.repeat(2 * TRACE_BYTES);
const NO_SPAN = '0'.repeat(2 * SPAN_BYTES);
const FORM = `traceparent: 00-${NO_TRACE}-${NO_SPAN}-00\r\nx-request-id: ${NO_TRACE}\r\n`;
const TRACE_AT = FORM.indexOf(NO_TRACE);
const TRACE_END = TRACE_AT + NO_TRACE.length;
const SPAN_AT = TRACE_END + 1;
const SPAN_END = SPAN_AT + NO_SPAN.length;
const REQUEST_AT = FORM.lastIndexOf(NO_TRACE);
const DIGITS = Buffer.from('0123456789abcdef');
const ONE = 0x31;

/**
 * New ids (W3C Trace Context), in the lines that say them: of a trace that isn't recorded, its first span, and a request that is named after
 * its trace. A request of a proxy needs such lines twice; slices of a text that has many of them cost next to nothing.
 */
export class TraceIds {
  readonly #random: Random;
  readonly #forms = Buffer.from(FORM.repeat(STOCK), 'latin1');
  #stock = '';
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The lines of a new trace: `traceparent` and `x-request-id`. */
  lines(): string {
    if (this.#at === this.#stock.length) this.#restock();
    const at = this.#at;
    this.#at += FORM.length;
    return this.#stock.slice(at, this.#at);
  }

  traceId(): string {
    return traceIdIn(this.lines());
  }

  spanId(): string {
    return spanIdIn(this.lines());
  }

  #restock(): void {
    const forms = this.#forms;
    const bytes = this.#random.bytes(STOCK * ID_BYTES);
    for (let id = 0; id < STOCK; id += 1) {
      const at = id * FORM.length;
      const traceFrom = id * ID_BYTES;
      const spanFrom = traceFrom + TRACE_BYTES;
      fill(forms, at + TRACE_AT, bytes, traceFrom, spanFrom);
      fill(forms, at + SPAN_AT, bytes, spanFrom, spanFrom + SPAN_BYTES);
      forms.copyWithin(at + REQUEST_AT, at + TRACE_AT, at + TRACE_END);
    }
    this.#stock = forms.toString('latin1');
    this.#at = 0;
  }
}

/** The id of the trace that such lines begin. */
export function traceIdIn(lines: string): string {
  return lines.slice(TRACE_AT, TRACE_END);
}

/** The id of their span. */
export function spanIdIn(lines: string): string {
  return lines.slice(SPAN_AT, SPAN_END);
}

/** Writes bytes as an id. One of zeros is none, and becomes 1. */
function fill(forms: Buffer, at: number, bytes: Uint8Array, from: number, to: number): void {
  let end = at;
  let all = 0;
  for (let index = from; index < to; index += 1) {
    const byte = bytes[index] ?? 0;
    all |= byte;
    forms[end] = DIGITS[byte >> 4] ?? 0;
    forms[end + 1] = DIGITS[byte & 15] ?? 0;
    end += 2;
  }
  if (all === 0) forms[end - 1] = ONE;
}
