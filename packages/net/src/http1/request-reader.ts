import type { FieldSieve } from './field-sieve.ts';
import { resolveLimits, type MessageLimits } from './limits.ts';
import { MessageReader } from './message-reader.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

/** Requests out of a client's bytes. See `MessageReader`. */
export class RequestReader extends MessageReader<RequestHead> {
  readonly #sieve: FieldSieve | undefined;

  /**
   * With a sieve, heads keep the lines that it lets through, and their fields are taken apart only when asked for.
   * @throws MISCONFIGURED
   */
  constructor(limits: MessageLimits = {}, sieve?: FieldSieve) {
    super(resolveLimits(limits));
    this.#sieve = sieve;
  }

  protected override parse(bytes: Buffer, start: number, end: number): RequestHead | undefined {
    return parseRequestHead(bytes, start, end, this.limits, this.#sieve);
  }
}
