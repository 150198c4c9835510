import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Fields } from '../http1/fields.ts';
import { requestHead, type OutgoingFields } from '../http1/head-writer.ts';

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

/** What has a call on its way. */
export interface Carrier {
  /** Ends it, and with it what the server may be doing for the call. */
  destroy(): void;
}

/** A request on its way, from the line of those that wait to its answer. Settles once. */
export class Call {
  readonly method: string;
  readonly head: string;
  readonly body: string;
  /** Whether head and body are the same bytes in latin1 and UTF-8, so that one write takes both. */
  readonly isAscii: boolean;
  isSettled = false;
  /** Where it is; `undefined` while it waits. */
  carrier: Carrier | undefined;
  /** Stops listening for the end of the work that it belongs to. */
  leave: (() => void) | undefined;
  readonly #resolve: (answer: ReceivedAnswer) => void;
  readonly #reject: (reason: unknown) => void;

  /** @throws UNSENDABLE */
  constructor(
    { method, target, fields, body }: WholeRequest,
    hostLine: string,
    resolve: (answer: ReceivedAnswer) => void,
    reject: (reason: unknown) => void,
  ) {
    const bytes = body === undefined ? 0 : Buffer.byteLength(body);
    // Methods whose requests have no body say nothing of its length (RFC 9110, section 8.6).
    const isBodiless = body === undefined && (method === 'GET' || method === 'HEAD' || method === 'DELETE');
    const framing = isBodiless ? hostLine : `${hostLine}content-length: ${bytes}\r\n`;
    this.method = method;
    this.head = requestHead(method, target, fields, framing);
    this.body = body ?? '';
    this.isAscii = bytes === this.body.length;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  succeed(answer: ReceivedAnswer): void {
    if (this.#settle()) this.#resolve(answer);
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
