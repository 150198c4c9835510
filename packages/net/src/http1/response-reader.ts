import type { FieldSieve } from './field-sieve.ts';
import { resolveLimits, type MessageLimits } from './limits.ts';
import { MessageReader } from './message-reader.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

/**
 * Responses out of a server's bytes. See `MessageReader`. A provisional response (`head.status` below 200) is a `head`
 * step without an `end`: the next `read` goes on to the head that counts. Bytes that arrive while nothing is expected
 * are a fault of the server; `isBetween` tells.
 */
export class ResponseReader extends MessageReader<ResponseHead> {
  #method = 'GET';
  #offersUpgrade = false;
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
  }

  protected override parse(bytes: Buffer, start: number, end: number): ResponseHead | undefined {
    return parseResponseHead(bytes, start, end, this.limits, this.#method, this.#sieve, this.#offersUpgrade);
  }

  protected override placeAfter(head: ResponseHead) {
    return head.status < 200 ? 'head' : super.placeAfter(head);
  }
}
