import { CHUNKED, type BodySink, type Carrier, type Fields, type ServerRequest } from '@fairlead/net';

/** What must be known of an upload's fate. */
export interface UploadEvents {
  /** The body can't be had: the client is too slow, its body malformed or too large. */
  uploadFailed(fault: unknown): void;
  /** Those of the request's trailers that go on, as whole lines. */
  requestTrailers(trailers: Fields): string;
  /** A part of the body goes on. */
  heard(): void;
}

const LAST_CHUNK = '0\r\n\r\n';

/** A request's body on its way to the upstream, as fast as that takes it. */
export class Upload implements BodySink {
  readonly isWhole = false;
  readonly copies = true;
  isWanting = true;
  readonly #request: ServerRequest;
  readonly #carrier: Carrier;
  readonly #events: UploadEvents;
  readonly #takesTrailers: boolean;
  readonly #isChunked: boolean;
  #isOver = false;

  /** `takesTrailers`: whoever gets them takes trailers that it wasn't told of. */
  constructor(request: ServerRequest, carrier: Carrier, takesTrailers: boolean, events: UploadEvents) {
    this.#request = request;
    this.#carrier = carrier;
    this.#events = events;
    // A server of HTTP/1.1 can't say that it takes them; it is told of them in the head, or they stay here.
    this.#takesTrailers = takesTrailers || request.head.announcesTrailers;
    this.#isChunked = request.head.bodyBytes === CHUNKED;
  }

  data(part: Buffer): void {
    if (this.#isOver) return;
    this.#events.heard();
    this.isWanting = this.#carrier.part(part, this.#isChunked);
  }

  end(trailers: Fields): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isChunked) {
      const lines = !this.#takesTrailers || trailers.list.length === 0 ? '' : this.#events.requestTrailers(trailers);
      this.#carrier.latin1(lines === '' ? LAST_CHUNK : `0\r\n${lines}\r\n`);
    }
    this.#carrier.sent();
  }

  fail(fault: unknown): void {
    if (this.#isOver) return;
    this.stop();
    this.#events.uploadFailed(fault);
  }

  /** There is room again. */
  room(): void {
    if (this.#isOver || this.isWanting) return;
    this.isWanting = true;
    this.#request.resume();
  }

  /** What still comes is passed over. */
  stop(): void {
    this.#isOver = true;
    this.isWanting = true;
  }
}
