import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { onDemand } from '@fairlead/core';
import { ResponseReader } from '../http1/response-reader.ts';
import { CHUNKED } from '../http1/framing.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ClientProof } from '../tls/client-certificate.ts';
import { lastChunk, outgoingFields } from './field-text.ts';
import type { StreamRequest } from './stream-request.ts';

/** Whose session it is. */
export interface SessionPeer {
  readonly address: string | undefined;
  readonly isTls: boolean;
  readonly proof: ClientProof | undefined;
}

const CRLF = '\r\n';
/** Of one connection only; HTTP/2 has other means for it. */
const LEFT_OUT = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']);
const NO_TRAILERS: readonly string[] = [];
/** Answers are the proxy's own, so nothing of theirs is too long; a body has no limit. */
const LIMITS = { maxHeadBytes: 1024 * 1024, maxFields: 1_000 };

/**
 * A stream of HTTP/2 as a connection that carries one request of HTTP/1.1: reading gives the request's bytes, what is written
 * is the answer. So a stream meets the same reader, the same limits and the same handling as a connection. Both ways wait for
 * who reads; the end of either side is the end of the other.
 */
export class StreamSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  /** Whether TLS carries the stream. */
  readonly encrypted: boolean;
  readonly proof: ClientProof | undefined;
  readonly takesTrailers = true;
  readonly #stream: ServerHttp2Stream;
  readonly #reader = new ResponseReader(LIMITS);

  constructor(stream: ServerHttp2Stream, { method, head, isChunked }: StreamRequest, peer: SessionPeer) {
    super({ allowHalfOpen: true });
    this.remoteAddress = peer.address;
    this.encrypted = peer.isTls;
    this.proof = peer.proof;
    this.#stream = stream;
    this.#reader.expect(method);
    this.push(Buffer.from(head, 'latin1'));
    stream.on('data', (part: Buffer) => {
      const framed = isChunked
        ? Buffer.concat([Buffer.from(`${part.length.toString(16)}${CRLF}`), part, Buffer.from(CRLF)])
        : part;
      if (!this.push(framed)) stream.pause();
    });
    let trailers = NO_TRAILERS;
    stream.on('trailers', (_fields: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => (trailers = raw));
    stream.on('end', () => this.#ended(isChunked, trailers));
    stream.on('wantTrailers', () => this.#sendTrailers());
    // What went wrong is told by `close`; so is a client that has reset it.
    stream.on('error', () => undefined);
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#reader.add(chunk);
    let hasRoom = true;
    try {
      for (let step = this.#reader.read(); step !== 'more'; step = this.#reader.read()) {
        if (step === 'head') this.#answer(this.#reader.head);
        // The reader's bytes are those of the chunk, which is given back by `done`.
        else if (step === 'data') hasRoom = this.#stream.write(Buffer.from(this.#reader.data)) && hasRoom;
        else if (step === 'end') this.#stream.end();
      }
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)));
    }
    this.#reader.keep();
    if (hasRoom || this.#stream.destroyed) done();
    else this.#stream.once('drain', () => done());
  }

  override _final(done: (error?: Error) => void): void {
    if (!this.#stream.writableEnded) this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#stream.destroyed) {
      // An answer that was cut must not look whole: `close` alone would end it before it is reset.
      if (this.#stream.writableFinished) this.#stream.close(onDemand.http2.constants.NGHTTP2_NO_ERROR);
      else this.#stream.destroy(new Error('The answer was cut off.'));
    }
    done(error);
  }

  /** As sockets have it; there is nothing to be set. */
  setNoDelay(): this {
    return this;
  }

  #ended(isChunked: boolean, trailers: readonly string[]): void {
    // Who has said how long the body is has no place for trailers in HTTP/1.1.
    if (!isChunked) return;
    // Node ends what was reset, too; what is cut off must not look whole. Trailers are the end of what is whole.
    if (trailers.length === 0 && (this.#stream.rstCode !== 0 || this.#stream.aborted)) return;
    try {
      this.push(Buffer.from(lastChunk(trailers), 'latin1'));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The answer's body has been sent. */
  #sendTrailers(): void {
    const { list } = this.#reader.trailers;
    if (list.length === 0) this.#stream.close();
    else this.#stream.sendTrailers(outgoingFields(list, LEFT_OUT));
  }

  #answer(head: ResponseHead | undefined): void {
    if (head === undefined || this.#stream.destroyed || this.#stream.headersSent) return;
    const fields = outgoing(head);
    if (head.status < 200) {
      if (head.status !== 100) this.#stream.additionalHeaders(fields);
      return;
    }
    this.#stream.respond(fields, { endStream: head.bodyBytes === 0, waitForTrailers: head.bodyBytes === CHUNKED });
  }
}

function outgoing({ status, fields }: ResponseHead): OutgoingHttpHeaders {
  return { ':status': status, ...outgoingFields(fields.list, LEFT_OUT) };
}
