import { fail } from '../errors.ts';
import type { Fields } from '../http1/fields.ts';

/** Who takes the body of a request. */
export interface BodySink {
  /** Whether it takes more now. */
  readonly isWanting: boolean;
  /** Whether the whole body has one time limit, rather than each part. */
  readonly isWhole: boolean;
  /** Whether it copies what it wants to keep of a part, which changes as soon as `data` returns; else it is given what lasts. */
  readonly copies: boolean;
  data(part: Buffer): void;
  /** The whole body has come; `trailers` are mostly none. */
  end(trailers: Fields): void;
  fail(fault: unknown): void;
}

/** Collects a body that did not arrive at once. */
export class Collector implements BodySink {
  readonly isWanting = true;
  readonly isWhole = true;
  readonly copies = false;
  readonly #parts: Buffer[] = [];
  readonly #done = Promise.withResolvers<Buffer>();

  get whole(): Promise<Buffer> {
    return this.#done.promise;
  }

  data(part: Buffer): void {
    this.#parts.push(part);
  }

  end(): void {
    this.#done.resolve(Buffer.concat(this.#parts));
  }

  fail(fault: unknown): void {
    this.#done.reject(fault);
  }
}

/** Passes a body on at the pace of whoever reads the stream. */
export class StreamSink implements BodySink {
  readonly isWhole = false;
  readonly copies = false;
  readonly stream: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isWanting = false;
  #isDone = false;

  /** `onWant` is told when the reader wants more. */
  constructor(onWant: () => void) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isWanting = true;
          onWant();
        },
        cancel: () => {
          this.#isDone = true;
          this.#isWanting = true;
          onWant();
        },
      },
      { highWaterMark: 0 },
    );
  }

  get isWanting(): boolean {
    return this.#isWanting;
  }

  data(part: Buffer): void {
    // A reader who has turned away hears no more; what comes is passed over.
    if (this.#isDone) return;
    this.#isWanting = false;
    this.#controller?.enqueue(part);
  }

  end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#controller?.close();
  }

  fail(fault: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#controller?.error(fault);
  }
}

/** What a reader of the body is told when the client goes away within it. */
export function clientGone() {
  return fail('HTTP_INCOMPLETE', 'The client went away before its request had arrived.');
}
