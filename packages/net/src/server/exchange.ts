import { fail } from '../errors.ts';
import type { OutgoingFields } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServerRequest, StreamedAnswer } from './server-request.ts';

const NO_BYTES = Buffer.alloc(0);

/** What an exchange needs of its connection. */
export interface Carrier {
  collect(maxBytes: number): Buffer | Promise<Buffer>;
  stream(): ReadableStream<Uint8Array>;
  answer(exchange: Exchange, status: number, fields: OutgoingFields, body: string | Uint8Array): void;
  answerStream(exchange: Exchange, answer: StreamedAnswer): Promise<boolean>;
}

/** One request on a connection, until it is answered or its client has gone. */
export class Exchange implements ServerRequest {
  readonly head: RequestHead;
  isGone = false;
  readonly #carrier: Carrier;
  #isTaken = false;
  #isAnswered = false;
  #onGone: (() => void) | undefined;

  constructor(head: RequestHead, carrier: Carrier) {
    this.head = head;
    this.#carrier = carrier;
  }

  body(maxBytes: number): Buffer | Promise<Buffer> {
    if (this.#isTaken) return Promise.reject(taken());
    this.#isTaken = true;
    return this.head.bodyBytes === 0 ? NO_BYTES : this.#carrier.collect(maxBytes);
  }

  stream(): ReadableStream<Uint8Array> {
    if (this.#isTaken) throw taken();
    this.#isTaken = true;
    return this.#carrier.stream();
  }

  onGone(listener: () => void): void {
    this.#onGone = listener;
  }

  answer(status: number, fields: OutgoingFields, body: string | Uint8Array): void {
    if (this.#isAnswered || this.isGone) return;
    this.#carrier.answer(this, status, fields, body);
    this.#isAnswered = true;
    this.#onGone = undefined;
  }

  async answerStream(answer: StreamedAnswer): Promise<boolean> {
    if (this.#isAnswered || this.isGone) {
      await answer.body.cancel();
      return false;
    }
    const isSent = this.#carrier.answerStream(this, answer);
    this.#isAnswered = true;
    return isSent;
  }

  /** The client has gone. */
  gone(): void {
    this.isGone = true;
    this.#onGone?.();
  }
}

function taken() {
  return fail('BODY_TAKEN', 'The body of this request has been asked for already; keep what you were given.');
}
