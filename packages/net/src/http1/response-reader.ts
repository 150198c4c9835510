import { fail } from '../errors.ts';
import type { FieldSieve } from './field-sieve.ts';
import { resolveLimits, type MessageLimits } from './limits.ts';
import { MessageReader } from './message-reader.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

/**
 * Responses out of a server's bytes. See `MessageReader`. A provisional response (`head.status` below 200) is a `head`
 * step without an `end`: the next `read` goes on to the head that counts. All of them before one answer may be as large as a
 * head. Bytes that arrive while nothing is expected are a fault of the server; `isBetween` tells.
 */
export class ResponseReader extends MessageReader<ResponseHead> {
  #method = 'GET';
  #offersUpgrade = false;
  /** What was said before the answer that is to come: whoever passes it on must not be flooded. */
  #provisionalBytes = 0;
  readonly #sieve: FieldSieve | undefined;

  /**
   * With a sieve, heads keep the lines that it lets through, and their fields are taken apart only when asked for.
   * @throws MISCONFIGURED
   */
  constructor(limits: MessageLimits = {}, sieve?: FieldSieve) {
    super(resolveLimits(limits));
    this.#sieve = sieve;
  }

  /**
   * The method of the request that the next response answers: one to HEAD has no body, whatever its head says. Only one to an
   * offer of another protocol may be a 101.
   */
  expect(method: string, offersUpgrade = false): void {
    this.#method = method;
    this.#offersUpgrade = offersUpgrade;
    this.#provisionalBytes = 0;
  }

  protected override parse(bytes: Buffer, start: number, end: number): ResponseHead | undefined {
    return parseResponseHead(bytes, start, end, this.limits, this.#method, this.#sieve, this.#offersUpgrade);
  }

  protected override placeAfter(head: ResponseHead) {
    if (head.status >= 200) return super.placeAfter(head);
    this.#provisionalBytes += head.byteLength;
    if (this.#provisionalBytes > this.limits.maxHeadBytes) {
      throw fail('HTTP_FIELDS_TOO_LARGE', `The provisional answers are larger than ${this.limits.maxHeadBytes} bytes.`);
    }
    return 'head';
  }
}
