import type { Random } from '@fairlead/core';

const STOCK_BYTES = 3_072;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const NO_TRACE = '0'.repeat(TRACE_DIGITS);
const NO_SPAN = '0'.repeat(SPAN_DIGITS);

/**
 * Trace and span ids (W3C Trace Context) out of a stock of hex digits: a request of a proxy needs one of each, and slices
 * of a text cost nothing.
 */
export class TraceIds {
  readonly #random: Random;
  #stock = '';
  #used = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  traceId(): string {
    const id = this.#digits(TRACE_DIGITS);
    return id === NO_TRACE ? this.traceId() : id;
  }

  spanId(): string {
    const id = this.#digits(SPAN_DIGITS);
    return id === NO_SPAN ? this.spanId() : id;
  }

  #digits(count: number): string {
    if (this.#used + count > this.#stock.length) {
      this.#stock = Buffer.from(this.#random.bytes(STOCK_BYTES)).toString('hex');
      this.#used = 0;
    }
    const digits = this.#stock.slice(this.#used, this.#used + count);
    this.#used += count;
    return digits;
  }
}
