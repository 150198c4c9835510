import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';
import { onDemand, realTurn } from '@fairlead/core';
import { CHUNKED } from '../http1/framing.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { RequestReader } from '../http1/request-reader.ts';
import { lastChunk, outgoingFields } from './field-text.ts';
import { resetBy, StreamFailure } from './stream-failure.ts';
import { streamAnswer, type StreamAnswer } from './stream-answer.ts';

const CRLF = Buffer.from('\r\n');
/** Of one connection only; HTTP/2 says it otherwise, or not at all. */
const LEFT_OUT = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
/** Requests are the proxy's own, so nothing of theirs is too long; a body has no limit. */
const LIMITS = { maxHeadBytes: 1024 * 1024, maxTargetBytes: 1024 * 1024, maxFields: 1_000 };

/**
 * A stream to a server of HTTP/2 as a connection for one request of HTTP/1.1: what is written is the request, reading gives the
 * answer. The mirror image of `StreamSocket`; so the connection that reads answers, its limits and its strictness are the same
 * for both versions. Both ways wait for who reads.
 */
export class UpstreamStream extends Duplex {
  readonly #reader = new RequestReader(LIMITS);
  /** Resets the stream; `close` would end the request before, as if it were whole. */
  readonly #cancel = new AbortController();
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #method = '';
  /** The answer's head, until it leaves with the first part of its body. */
  #head: Buffer | undefined;
  #answer: StreamAnswer | undefined;
  /** Bytes of the answer's body that are to come; −1 when nobody has said. */
  #leftBytes = -1;
  #trailers: readonly string[] = [];
  /** The server has said that it won't look at it. */
  #isTurnedAway = false;
  #isComplete = false;

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** Whether the server may have heard of it. */
  get hasBegun(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether the server has begun to answer. */
  get isAnswered(): boolean {
    return this.#answer !== undefined;
  }

  /** A session has room for it. */
  attach(session: ClientHttp2Session): void {
    if (this.destroyed) return;
    this.#session = session;
    this.emit('connect');
  }

  /** The server begins no stream after this one any more (GOAWAY). */
  turnedAwayAfter(lastStreamId: number): void {
    this.#isTurnedAway ||= this.#stream?.id === undefined || this.#stream.id > lastStreamId;
  }

  override _read(): void {
    this.#stream?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#reader.add(chunk);
    let hasRoom = true;
    try {
      for (let step = this.#reader.read(); step !== 'more'; step = this.#reader.read()) {
        // The reader has just said that there is one.
        if (step === 'head') this.#request(this.#reader.head as RequestHead);
        // The reader's bytes are those of the chunk, which is given back by `done`.
        else if (step === 'data') hasRoom = this.#stream?.write(Buffer.from(this.#reader.data)) !== false && hasRoom;
        else this.#stream?.end();
      }
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)));
    }
    this.#reader.keep();
    const stream = this.#stream;
    if (hasRoom || stream === undefined || stream.destroyed) done();
    else {
      const goOn = (): void => {
        stream.off('drain', goOn);
        stream.off('close', goOn);
        done();
      };
      stream.on('drain', goOn);
      stream.on('close', goOn);
    }
  }

  override _final(done: (error?: Error) => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed) return done(error);
    // What is whole ends by itself; else nobody waits for it, and the server may stop.
    if (stream.writableEnded && (this.#isComplete || this.#leftBytes === 0)) stream.resume();
    else this.#cancel.abort();
    done(error);
  }

  /** @throws StreamFailure when the session takes no more streams: nothing was sent */
  #request({ method, target, host, fields, bodyBytes, takesTrailers }: RequestHead): void {
    const session = this.#session;
    const headers = {
      ':method': method,
      ':path': target,
      ':scheme': session?.encrypted === true ? 'https' : 'http',
      ':authority': host,
      ...outgoingFields(fields.list, LEFT_OUT),
      ...(takesTrailers ? { te: 'trailers' } : {}),
    };
    let stream: ClientHttp2Stream | undefined;
    try {
      stream = session?.request(headers, {
        endStream: bodyBytes === 0,
        waitForTrailers: bodyBytes === CHUNKED,
        signal: this.#cancel.signal,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new StreamFailure('HTTP2_SESSION_GONE', `The stream was not begun: ${why}`, true);
    }
    if (stream === undefined) throw new StreamFailure('HTTP2_SESSION_GONE', 'The stream has no session.', true);
    this.#stream = stream;
    this.#method = method;
    stream.on('headers', (_fields: IncomingHttpHeaders, _flags: number, raw: readonly string[]) =>
      this.#answered(raw, false),
    );
    stream.on('response', (_fields: IncomingHttpHeaders, flags: number, raw: readonly string[]) =>
      this.#answered(raw, (flags & onDemand.http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('trailers', (_fields: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => {
      this.#trailers = raw;
    });
    stream.on('wantTrailers', () => this.#sendTrailers());
    stream.on('end', () => this.#ended());
    // What went wrong is told by `close`.
    stream.on('error', () => undefined);
    stream.on('close', () => this.#closed());
  }

  #sendTrailers(): void {
    const { list } = this.#reader.trailers;
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    stream.sendTrailers(outgoingFields(list, LEFT_OUT));
  }

  #answered(raw: readonly string[], isWhole: boolean): void {
    if (this.destroyed) return;
    let answer: StreamAnswer;
    try {
      answer = streamAnswer(raw, this.#method, isWhole);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const head = Buffer.from(answer.head, 'latin1');
    if (answer.isProvisional) {
      this.push(head);
      return;
    }
    this.#answer = answer;
    this.#leftBytes = answer.bodyBytes;
    this.#head = head;
    this.#stream?.on('data', (part: Buffer) => this.#data(part));
    // What comes of the body in this turn leaves together with it.
    void realTurn().then(() => this.#pushHead());
  }

  #data(part: Buffer): void {
    if (this.destroyed) return;
    if (this.#leftBytes > 0) this.#leftBytes = Math.max(0, this.#leftBytes - part.length);
    const parts: Buffer[] = this.#head === undefined ? [] : [this.#head];
    this.#head = undefined;
    if (this.#answer?.isChunked === true) parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, CRLF);
    else parts.push(part);
    if (!this.push(parts.length === 1 ? part : Buffer.concat(parts))) this.#stream?.pause();
  }

  #pushHead(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined && !this.destroyed) this.push(head);
  }

  #ended(): void {
    const stream = this.#stream;
    if (this.destroyed || this.#answer === undefined || stream === undefined) return;
    // Node ends what was reset, too. Trailers are the end of what is whole.
    if (this.#trailers.length === 0 && (stream.rstCode !== 0 || stream.aborted)) return;
    this.#isComplete = true;
    this.#pushHead();
    try {
      if (this.#answer.isChunked) this.push(Buffer.from(lastChunk(this.#trailers), 'latin1'));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.push(null);
  }

  #closed(): void {
    if (this.#isComplete) return;
    const isUnsent = this.#answer === undefined && (this.#isTurnedAway || this.#stream?.id === undefined);
    this.destroy(resetBy(this.#stream?.rstCode ?? 0, isUnsent));
  }
}
