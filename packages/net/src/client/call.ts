import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Fields } from '../http1/fields.ts';
import { requestHead, type OutgoingFields } from '../http1/head-writer.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Carried, Carrier } from './carried.ts';

/** A request whose body is there as a whole. */
export interface WholeRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  /** `host` and what frames the body are written by the pool. */
  readonly fields: OutgoingFields;
  /** Text goes as UTF-8; `undefined` for no body. */
  readonly body: string | undefined;
}

/** An answer that has arrived as a whole. */
export interface ReceivedAnswer {
  /** 200 to 599. */
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/** Whether a server may have acted on a request that brought no answer. */
export type Processed = 'no' | 'maybe';

/** A request on its way, from the line of those that wait to its whole answer. Settles once. */
export class Call implements Carried {
  readonly method: string;
  readonly offersUpgrade = false;
  isSettled = false;
  /** Where it is; `undefined` while it waits. */
  carrier: Carrier | undefined;
  /** Stops listening for the end of the work that it belongs to. */
  leave: (() => void) | undefined;
  readonly #head: string;
  readonly #body: string;
  readonly #maxAnswerBytes: number;
  readonly #resolve: (answer: ReceivedAnswer) => void;
  readonly #reject: (reason: unknown) => void;
  #answer: ResponseHead | undefined;
  #parts: Buffer[] | undefined;
  #first: Buffer = NO_BYTES;

  /** @throws UNSENDABLE */
  constructor(
    { method, target, fields, body }: WholeRequest,
    hostLine: string,
    maxAnswerBytes: number,
    resolve: (answer: ReceivedAnswer) => void,
    reject: (reason: unknown) => void,
  ) {
    const bytes = body === undefined ? 0 : Buffer.byteLength(body);
    // Methods whose requests have no body say nothing of its length (RFC 9110, section 8.6).
    const isBodiless = body === undefined && (method === 'GET' || method === 'HEAD' || method === 'DELETE');
    const framing = isBodiless ? hostLine : `${hostLine}content-length: ${bytes}\r\n`;
    this.method = method;
    this.#head = requestHead(method, target, fields, framing);
    this.#body = body ?? '';
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(carrier: Carrier): void {
    this.carrier = carrier;
    carrier.maxAnswerBytes = this.#maxAnswerBytes;
    // Head and body leave together.
    if (this.#body !== '') carrier.text(this.#head, this.#body);
    else carrier.text(this.#head, '');
    carrier.sent();
  }

  head(head: ResponseHead): void {
    this.#answer = head;
  }

  data(part: Buffer): void {
    const own = Buffer.from(part);
    if (this.#first.length === 0) this.#first = own;
    else (this.#parts ??= [this.#first]).push(own);
  }

  end(): void {
    if (this.#answer === undefined || !this.#settle()) return;
    const body = this.#parts === undefined ? this.#first : Buffer.concat(this.#parts);
    this.#resolve({ status: this.#answer.status, fields: this.#answer.fields, body });
  }

  room(): void {
    // All that there is was given at once.
  }

  fail(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.leave?.();
    return true;
  }
}

const NO_BYTES = Buffer.alloc(0);

/** What a call is told when its connection brought no answer: the error, with whether the server may have acted on it. */
export function connectionFailed(why: string, processed: Processed, cause?: unknown): FairleadError {
  // What is wrong with an answer says so itself.
  if (cause instanceof FairleadError && cause.code.startsWith('HTTP_')) {
    return new FairleadError(cause.kind, cause.code, cause.message, { details: { processed }, cause });
  }
  return fail('CONNECTION_FAILED', `The request brought no answer: ${why}.`, {
    details: { processed, why },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** In a word, such as `ECONNREFUSED`. */
export function whyOf(error: unknown): string | undefined {
  // Of several addresses that were tried, the first says as much as any.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && 'code' in first ? String(first.code) : undefined;
}
