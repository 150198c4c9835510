import type { Random } from '@fairlead/core';

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const ID_BYTES = TRACE_BYTES + SPAN_BYTES;
const NO_TRACE = '0'.repeat(2 * TRACE_BYTES);
const NO_SPAN = '0'.repeat(2 * SPAN_BYTES);
/** Made at once. */
const STOCK = 128;
const LINES_LENGTH = linesOf(NO_TRACE, NO_SPAN).length;
const TRACE_AT = linesOf(NO_TRACE, NO_SPAN).indexOf(NO_TRACE);
const SPAN_AT = TRACE_AT + NO_TRACE.length + 1;

/**
 * New ids (W3C Trace Context), in the lines that say them: of a trace that isn't recorded, with a span, and a request that is named after its
 * trace. A request of a proxy needs such lines twice; slices of a text that has many of them cost next to nothing.
 */
export class TraceIds {
  readonly #random: Random;
  #stock = '';
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The lines of a new trace: `traceparent` and `x-request-id`. */
  lines(): string {
    if (this.#at === this.#stock.length) this.#restock();
    const at = this.#at;
    this.#at += LINES_LENGTH;
    return this.#stock.slice(at, this.#at);
  }

  traceId(): string {
    return traceIdIn(this.lines());
  }

  spanId(): string {
    return spanIdIn(this.lines());
  }

  #restock(): void {
    const digits = Buffer.from(this.#random.bytes(STOCK * ID_BYTES)).toString('hex');
    let stock = '';
    for (let at = 0; at < digits.length; at += 2 * ID_BYTES) {
      const spanAt = at + 2 * TRACE_BYTES;
      const traceId = orOne(digits.slice(at, spanAt), NO_TRACE);
      const spanId = orOne(digits.slice(spanAt, at + 2 * ID_BYTES), NO_SPAN);
      stock += linesOf(traceId, spanId);
    }
    this.#stock = stock;
    this.#at = 0;
  }
}

function linesOf(traceId: string, spanId: string): string {
  return `traceparent: 00-${traceId}-${spanId}-00\r\nx-request-id: ${traceId}\r\n`;
}

/** An id; one of zeros is none. */
function orOne(id: string, none: string): string {
  return id === none ? `${none.slice(1)}1` : id;
}

/** The id of the trace that such lines begin. */
export function traceIdIn(lines: string): string {
  return lines.slice(TRACE_AT, TRACE_AT + NO_TRACE.length);
}

/** The id of their span. */
export function spanIdIn(lines: string): string {
  return lines.slice(SPAN_AT, SPAN_AT + NO_SPAN.length);
}
