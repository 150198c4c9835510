import { lengthLine, responseHead, statusLine, type OutgoingFields } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { AnswerWriter, LAST_CHUNK } from './answer-writer.ts';
import type { ClientSocket } from './client-socket.ts';
import type { Exchange } from './exchange.ts';
import type { StreamedAnswer } from './server-request.ts';
import type { ServerState } from './server-state.ts';

/** How an answer that has begun goes on and ends. */
interface Answering {
  readonly isChunked: boolean;
  readonly keeps: boolean;
  /** Whether trailers may follow. */
  readonly takesTrailers: boolean;
}

const NOT_BEGUN: Answering = { isChunked: false, keeps: false, takesTrailers: false };

/** The answering half of a connection: how answers are framed. What comes in is `Connection`'s, of which this is a part. */
export abstract class AnsweringConnection {
  protected readonly state: ServerState;
  protected readonly writer: AnswerWriter;
  /** Whether whatever carries the connection takes trailers without being asked. */
  readonly #takesTrailers: boolean;
  #answering: Answering | undefined;

  constructor(socket: ClientSocket, state: ServerState) {
    this.state = state;
    this.#takesTrailers = socket.takesTrailers === true;
    this.writer = new AnswerWriter(socket, state, () => this.hasRoom());
  }

  /** Cuts it. */
  abstract destroy(): void;
  /** Whether the connection lives on after an answer to this. */
  protected abstract keeps(head: RequestHead): boolean;
  /** The current request has its answer. */
  protected abstract finish(keeps: boolean): void;
  /** The client was told to go on. */
  protected abstract continued(): void;
  /** There is room for more, after there was none. */
  protected abstract hasRoom(): void;

  answer(exchange: Exchange, status: number, fields: OutgoingFields, body: string | Uint8Array): void {
    const keeps = this.keeps(exchange.head);
    const isBare = status === 204 || status === 304;
    const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const head = responseHead(status, fields, this.framing(isBare ? '' : `content-length: ${bodyBytes}\r\n`, keeps));
    const isSent = this.writer.whole(head, isBare || exchange.head.method === 'HEAD' ? '' : body, bodyBytes);
    if (isSent === undefined) this.finish(keeps);
    else void isSent.then(() => this.finish(keeps));
  }

  answerStream(exchange: Exchange, { status, fields, body, bodyBytes, signal }: StreamedAnswer): Promise<boolean> {
    const { method, minorVersion } = exchange.head;
    const isBare = status === 204 || status === 304;
    const isEmpty = isBare || method === 'HEAD';
    const isChunked = bodyBytes === undefined && minorVersion === 1;
    const keeps = (isEmpty || isChunked || bodyBytes !== undefined) && this.keeps(exchange.head);
    const length = bodyBytes === undefined ? '' : `content-length: ${bodyBytes}\r\n`;
    const framing = isBare ? '' : isChunked ? 'transfer-encoding: chunked\r\n' : length;
    const head = responseHead(status, fields, this.framing(framing, keeps));
    if (isEmpty) {
      void this.writer.whole(head, '', 0);
      this.finish(keeps);
      return body.cancel().then(() => true);
    }
    const cut = () => this.destroy();
    if (signal?.aborted) cut();
    signal?.addEventListener('abort', cut, { once: true });
    return this.writer.streamed(head, body, isChunked, bodyBytes).then((isSent) => {
      signal?.removeEventListener('abort', cut);
      if (isSent) this.finish(keeps);
      return isSent;
    });
  }

  provisional(status: number, lines: string): void {
    if (status === 100) this.continued();
    this.writer.provisional(`${statusLine(status)}${lines}\r\n`);
  }

  answerText(exchange: Exchange, status: number, lines: string, body: string, statedBytes: number): void {
    const { head } = exchange;
    const keeps = this.keeps(head);
    const isBodiless = head.method === 'HEAD' || status === 204 || status === 304;
    const bytes = isBodiless ? (status === 204 ? -1 : statedBytes) : body.length;
    const length = bytes < 0 ? '' : lengthLine(bytes);
    const end = keeps ? '\r\n' : 'connection: close\r\n\r\n';
    this.writer.text(
      isBodiless ? statusLine(status) + lines + length + end : statusLine(status) + lines + length + end + body,
    );
    this.finish(keeps);
  }

  beginAnswer(exchange: Exchange, status: number, lines: string, bodyBytes: number): void {
    const isChunked = bodyBytes < 0 && exchange.head.minorVersion === 1;
    const keeps = (isChunked || bodyBytes >= 0) && this.keeps(exchange.head);
    const length = isChunked
      ? 'transfer-encoding: chunked\r\n'
      : bodyBytes < 0
        ? ''
        : `content-length: ${bodyBytes}\r\n`;
    this.writer.text(`${statusLine(status)}${lines}${length}${keeps ? '\r\n' : 'connection: close\r\n\r\n'}`);
    const takesTrailers = isChunked && (this.#takesTrailers || exchange.head.takesTrailers);
    this.#answering = { isChunked, keeps, takesTrailers };
    this.writer.send(this.state.underWay === 1);
  }

  part(bytes: Buffer): boolean {
    this.writer.copy(bytes, this.#answering?.isChunked === true);
    if (this.writer.isFull) this.writer.flush();
    else this.writer.send(this.state.underWay === 1);
    return !this.writer.isFull;
  }

  endAnswer(trailers: string): void {
    const { isChunked, keeps, takesTrailers } = this.#answering ?? NOT_BEGUN;
    this.#answering = undefined;
    if (isChunked) this.writer.text(takesTrailers && trailers !== '' ? `0\r\n${trailers}\r\n` : LAST_CHUNK);
    this.finish(keeps);
  }

  cut(): void {
    this.destroy();
  }

  protected framing(length: string, keeps: boolean): string {
    return `${this.state.dateLine()}${length}${keeps ? '' : 'connection: close\r\n'}`;
  }
}
