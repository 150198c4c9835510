import type { OutgoingFields } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';

/** A body that is sent as it is made. */
export interface StreamedAnswer {
  readonly status: number;
  readonly fields: OutgoingFields;
  readonly body: ReadableStream<Uint8Array>;
  /** The body's length when it is known; a body that turns out otherwise breaks the connection. Default: sent in chunks. */
  readonly bodyBytes?: number | undefined;
  /** Cuts the answer, and with it the connection, when it aborts. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/** One request, and the way to answer it. */
export interface ServerRequest {
  readonly head: RequestHead;
  /** Whether the client has gone: nobody will read an answer. */
  readonly isGone: boolean;
  /**
   * The whole body: at once if it has arrived, which is the rule for small ones. To be asked for once, this or `stream`.
   * Rejects with `HTTP_BODY_TOO_LARGE` beyond `maxBytes`, with another `HTTP_…` when the body is malformed or too slow,
   * and with `HTTP_INCOMPLETE` when the client goes away.
   */
  body(maxBytes: number): Buffer | Promise<Buffer>;
  /** The body as it arrives; the client is slowed down to the pace of the reader. Fails with what `body` rejects with. */
  stream(): ReadableStream<Uint8Array>;
  /** Told once if the client goes away before the answer has been given; for a streamed one, before its end. */
  onGone(listener: () => void): void;
  /**
   * Answers. The body is left out for HEAD and where a status has none. Nothing happens when the client has gone.
   * @throws UNSENDABLE, and then nothing was sent
   */
  answer(status: number, fields: OutgoingFields, body: string | Uint8Array): void;
  /**
   * Answers with a body that is read as fast as the client takes it, and let go of when the client goes away. Resolves
   * to whether all of it was sent; rejects with the body's own failure, which breaks the connection.
   * @throws UNSENDABLE, and then nothing was sent
   */
  answerStream(answer: StreamedAnswer): Promise<boolean>;
}
