import { fail } from '../errors.ts';
import type { OutgoingFields } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { BodySink } from './body-sink.ts';
import type { Peer, RequestOwner, ServerRequest, StreamedAnswer, TakenOver } from './server-request.ts';

const NO_BYTES = Buffer.alloc(0);

/** What an exchange needs of its connection. */
export interface Carrier {
  readonly peer: Peer;
  collect(maxBytes: number): Buffer | Promise<Buffer>;
  stream(): ReadableStream<Uint8Array>;
  answer(exchange: Exchange, status: number, fields: OutgoingFields, body: string | Uint8Array): void;
  answerStream(exchange: Exchange, answer: StreamedAnswer): Promise<boolean>;
  arrived(maxBytes: number): Buffer | undefined;
  receive(sink: BodySink, maxBytes: number): void;
  resume(): void;
  provisional(status: number, lines: string): void;
  answerText(exchange: Exchange, status: number, lines: string, body: string, statedBytes: number): void;
  beginAnswer(exchange: Exchange, status: number, lines: string, bodyBytes: number): void;
  part(bytes: Buffer): boolean;
  endAnswer(trailers: string): void;
  cut(): void;
  takeOver(exchange: Exchange, status: number, lines: string): TakenOver;
}

/** One request on a connection, until it is answered or its client has gone. */
export class Exchange implements ServerRequest {
  readonly head: RequestHead;
  isGone = false;
  owner: RequestOwner | undefined;
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

  get peer(): Peer {
    return this.#carrier.peer;
  }

  arrived(maxBytes: number): Buffer | undefined {
    if (this.#isTaken) throw taken();
    const body = this.head.bodyBytes === 0 ? NO_BYTES : this.#carrier.arrived(maxBytes);
    this.#isTaken = body !== undefined;
    return body;
  }

  receive(sink: BodySink, maxBytes: number): void {
    if (this.#isTaken) throw taken();
    this.#isTaken = true;
    this.#carrier.receive(sink, maxBytes);
  }

  resume(): void {
    if (!this.isGone) this.#carrier.resume();
  }

  provisional(status: number, lines: string): void {
    if (!this.#isAnswered && !this.isGone && this.head.minorVersion === 1) this.#carrier.provisional(status, lines);
  }

  answerText(status: number, lines: string, body: string, statedBytes: number): void {
    if (this.#isAnswered || this.isGone) return;
    this.#isAnswered = true;
    this.#carrier.answerText(this, status, lines, body, statedBytes);
  }

  beginAnswer(status: number, lines: string, bodyBytes: number): void {
    if (this.#isAnswered || this.isGone) return;
    this.#isAnswered = true;
    this.#carrier.beginAnswer(this, status, lines, bodyBytes);
  }

  part(bytes: Buffer): boolean {
    return this.isGone || this.#carrier.part(bytes);
  }

  endAnswer(trailers = ''): void {
    if (!this.isGone) this.#carrier.endAnswer(trailers);
  }

  cut(): void {
    if (!this.isGone) this.#carrier.cut();
  }

  takeOver(status: number, lines: string): TakenOver {
    this.#isAnswered = true;
    return this.#carrier.takeOver(this, status, lines);
  }

  /** The client has gone, or was cut because it `hasStalled`. */
  gone(hasStalled: boolean): void {
    this.isGone = true;
    this.#onGone?.();
    this.owner?.clientGone(hasStalled);
  }
}

function taken() {
  return fail('BODY_TAKEN', 'The body of this request has been asked for already; keep what you were given.');
}
