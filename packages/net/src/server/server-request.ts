import type { Socket } from 'node:net';
import type { OutgoingFields } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ClientProof } from '../tls/client-certificate.ts';
import type { BodySink } from './body-sink.ts';

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

/** Who stands behind a request that is passed on; told of what happens to it meanwhile. */
export interface RequestOwner {
  /** The client has gone before the answer's end; `hasStalled`: it was cut, for it took nothing for too long. Told once. */
  clientGone(hasStalled: boolean): void;
  /** There is room for more of the answer, after there was none. */
  clientReady(): void;
}

/** Who is at the other end of a connection. */
export interface Peer {
  /** The address; empty for a Unix socket. */
  readonly address: string;
  readonly isTls: boolean;
  /** What it has shown of itself during the handshake; `undefined` when it has shown nothing, or was not asked. */
  readonly proof: ClientProof | undefined;
  /** Whatever the server's owner wants to remember with the connection. */
  note: unknown;
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

  // What follows is for proxies: no stream, promise or list of fields between one connection and the other. Field lines
  // are believed: they come from a message that was read, or from `responseHead`'s like.

  readonly peer: Peer;
  /** Who is told when the client goes away or has room. */
  owner: RequestOwner | undefined;
  /** The whole body, if it has arrived and has a length of at most `maxBytes`; else nothing has happened. */
  arrived(maxBytes: number): Buffer | undefined;
  /** Hands the body on as it arrives, as long as the sink wants. Instead of `body`, `stream` and `arrived`. */
  receive(sink: BodySink, maxBytes: number): void;
  /** The sink wants again. */
  resume(): void;
  /** Sends an answer that comes before the one that counts, 103 for example. */
  provisional(status: number, lines: string): void;
  /**
   * Answers with latin1 text as the body. `statedBytes` is what an answer without a body says of its length (to HEAD, 304); −1 says
   * nothing.
   */
  answerText(status: number, lines: string, body: string, statedBytes: number): void;
  /** Begins an answer whose body follows by `part` and `endAnswer`. `bodyBytes` below 0: nobody knows how long it is. */
  beginAnswer(status: number, lines: string, bodyBytes: number): void;
  /** A part of the body, which is copied or sent before this returns; false when there is no room for more. */
  part(bytes: Buffer): boolean;
  /**
   * The end of an answer that was begun. `trailers` are whole lines; they are sent if the body goes in chunks and the client
   * takes them (`TE: trailers`, or HTTP/2). Default none.
   */
  endAnswer(trailers?: string): void;
  /** Cuts the connection: what the client has of an answer must not look whole. */
  cut(): void;
  /** Hands the socket over, with what has arrived on it, for another protocol; this request is over for the server. */
  takeOver(status: number, lines: string): TakenOver;
}

/** A connection that speaks HTTP no more. */
export interface TakenOver {
  readonly socket: Socket;
  /** What had arrived of the other protocol. */
  readonly first: Buffer;
}
