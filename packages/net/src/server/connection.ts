import type { Socket } from 'node:net';
import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import { responseHead, statusLine } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { RequestReader } from '../http1/request-reader.ts';
import type { ClientSocket, Whence } from './client-socket.ts';
import { plainAddress } from './plain-address.ts';
import { AnsweringConnection } from './answering-connection.ts';
import { clientGone, Collector, StreamSink, type BodySink } from './body-sink.ts';
import { directData } from './direct-data.ts';
import { Exchange, type Carrier } from './exchange.ts';
import { giveBack, isWorthGivingBack } from '../wire/given-back.ts';
import type { Peer, TakenOver } from './server-request.ts';
import type { ServerState } from './server-state.ts';

/**
 * What a connection waits for: a request to begin (`idle`), its head or body to arrive, its answer to be given
 * (`working`), or the client to close after the last one (`lingering`).
 */
type Phase = 'idle' | 'head' | 'body' | 'working' | 'lingering';

const NO_BODY = { bodyBytes: 0 };
/** Bytes that may wait here while nobody reads them; then the client has to. */
const HELD_AT_MOST_BYTES = 64 * 1024;
/** A body that nobody asked for is read to its end when it is this small, else the connection is closed. */
const PASSED_OVER_BYTES = 64 * 1024;
/** How long a client that was told of the end may take to close. Cut at once, it might lose the answer. */
const LINGER_MS = 2_000;

/** One client's connection: its requests one after the other. */
export class Connection extends AnsweringConnection implements Carrier {
  readonly #socket: ClientSocket;
  readonly #whence: Whence | undefined;
  readonly #reader: RequestReader;
  #peer: Peer | undefined;
  #exchange: Exchange | undefined;
  #sink: BodySink | undefined;
  /** Whether the current request has arrived whole. */
  #hasArrived = true;
  #hasContinued = false;
  /** No more requests are read. */
  #isClosing = false;
  #isAdvancing = false;
  #isFresh = true;
  /** It speaks another protocol; only the end of a drain concerns it still. */
  #isTakenOver = false;
  /** It has been cut because its client took nothing. */
  #hasStalled = false;
  readonly #stopReading: () => void;
  #phase: Phase = 'idle';
  #sinceTick: number;

  constructor(
    socket: ClientSocket,
    state: ServerState,
    onClosed: (connection: Connection) => void,
    whence: Whence | undefined,
  ) {
    super(socket, state);
    this.#socket = socket;
    this.#whence = whence;
    this.#sinceTick = state.tick;
    this.#reader = new RequestReader(state.limits, state.sieve);
    this.#stopReading = directData(socket, (chunk) => this.#arrived(chunk));
    socket.on('end', () => this.#ended());
    // What went wrong is told by `close`.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#lost();
      onClosed(this);
    });
  }

  /** Whether it has not brought a request yet. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  get peer(): Peer {
    const socket = this.#socket;
    return (this.#peer ??= {
      address: plainAddress(this.#whence?.address ?? socket.remoteAddress ?? ''),
      isTls: socket.encrypted === true,
      proof: this.#whence?.proof ?? socket.proof,
      note: undefined,
    });
  }

  /** No more requests after the one under way; closes at once when there is none. */
  drain(): void {
    // What has begun to arrive is still answered.
    if (this.#exchange !== undefined || this.#phase === 'head' || this.#isTakenOver) return;
    if (this.writer.isBusy) this.#close();
    else this.destroy();
  }

  /** Cuts it. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Looks whether something takes too long. */
  sweep(): void {
    const { limits } = this.state;
    if (this.writer.hasStalled(limits.readerTimeoutMs)) {
      this.#hasStalled = true;
      this.destroy();
    } else if (this.state.hasPassed(this.#timeoutMs(), this.#sinceTick)) this.#timedOut();
  }

  #timeoutMs(): number {
    const { limits } = this.state;
    switch (this.#phase) {
      case 'idle':
        // An answer that the client still reads has its own time.
        return this.writer.isBusy ? 0 : limits.idleTimeoutMs;
      case 'head':
        return limits.headTimeoutMs;
      case 'body':
        return limits.bodyTimeoutMs;
      case 'lingering':
        return LINGER_MS;
      case 'working':
        return 0;
    }
  }

  #timedOut(): void {
    if (this.#phase !== 'head' && this.#phase !== 'body') this.destroy();
    else this.#fault(fail('HTTP_TIMEOUT', 'The request took too long to arrive.'));
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#sinceTick = this.state.tick;
  }

  #arrived(chunk: Buffer): void {
    if (this.#isClosing) return;
    const isLent = this.#socket.lendsData === true;
    const isGivenBack = !isLent && isWorthGivingBack(chunk);
    this.#reader.add(chunk, isLent || isGivenBack);
    this.#advance();
    if (isLent || isGivenBack) this.#reader.keep();
    if (isGivenBack) giveBack(chunk);
  }

  #ended(): void {
    // Whoever sends no more is taken to have gone, unless all that it asked for is on its way.
    if (this.#exchange === undefined && this.writer.isBusy) this.#close();
    else this.destroy();
  }

  #lost(): void {
    this.#isClosing = true;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.writer.lost();
    if (exchange === undefined) return;
    this.state.underWay -= 1;
    exchange.gone(this.#hasStalled);
    this.#sink?.fail(clientGone());
  }

  /** Reads as far as it is possible and wanted. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      while (this.#mayRead() && this.#step());
    } catch (error) {
      if (error instanceof FairleadError) this.#fault(error);
      else {
        this.destroy();
        throw error;
      }
    } finally {
      this.#isAdvancing = false;
    }
    const isFull = !this.#isClosing && this.#reader.heldBytes > HELD_AT_MOST_BYTES;
    if (isFull === this.#socket.isPaused()) return;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #mayRead(): boolean {
    if (this.#isClosing) return false;
    if (this.#exchange === undefined) return !this.writer.isFull;
    return !this.#hasArrived && this.#sink !== undefined && this.#sink.isWanting;
  }

  /** One step of the reader; false when it needs more bytes. */
  #step(): boolean {
    const reader = this.#reader;
    switch (reader.read()) {
      case 'head':
        // The reader has just said that there is one.
        this.#begin(reader.head as RequestHead);
        return true;
      case 'data':
        this.#sink?.data(this.#sink.copies ? reader.data : reader.lastingData);
        if (this.#sink?.isWhole === false) this.#enter(this.#sink.isWanting ? 'body' : 'working');
        return true;
      case 'end':
        this.#hasArrived = true;
        this.#enter(this.#exchange === undefined ? 'idle' : 'working');
        this.#sink?.end(reader.trailers);
        return true;
      case 'more':
        if (this.#exchange === undefined && this.#phase === 'idle' && !reader.isBetween) this.#enter('head');
        return false;
    }
  }

  #begin(head: RequestHead): void {
    this.#isFresh = false;
    this.#hasArrived = false;
    this.#hasContinued = false;
    this.#sink = undefined;
    this.#reader.maxBodyBytes = Infinity;
    if (head.bodyBytes === 0) this.#hasArrived = this.#reader.read() === 'end';
    this.#enter('working');
    const exchange = new Exchange(head, this);
    this.#exchange = exchange;
    this.state.underWay += 1;
    this.state.onRequest(exchange);
  }

  protected continued(): void {
    this.#hasContinued = true;
  }

  collect(maxBytes: number): Buffer | Promise<Buffer> {
    const reader = this.#reader;
    const collector = new Collector();
    reader.maxBodyBytes = maxBytes;
    try {
      let step = reader.read();
      if (step === 'data') {
        const first = reader.lastingData;
        // A client that has begun to send waits for nothing.
        this.#hasContinued = true;
        step = reader.read();
        if (step === 'end') {
          this.#hasArrived = true;
          return first;
        }
        collector.data(first);
        if (step === 'data') collector.data(reader.lastingData);
      }
      if (step === 'end') {
        this.#hasArrived = true;
        return Buffer.alloc(0);
      }
    } catch (error) {
      this.#isClosing = true;
      return Promise.reject(error);
    }
    this.#take(collector);
    return collector.whole;
  }

  stream(): ReadableStream<Uint8Array> {
    const sink = new StreamSink(() => this.#take(sink));
    if (this.#hasArrived) sink.end();
    else this.#sink = sink;
    return sink.stream;
  }

  arrived(maxBytes: number): Buffer | undefined {
    const reader = this.#reader;
    const { bodyBytes } = reader.head ?? NO_BODY;
    if (bodyBytes < 0 || bodyBytes > maxBytes || reader.heldBytes < bodyBytes) return undefined;
    reader.read();
    const body = reader.lastingData;
    this.#hasContinued = true;
    this.#hasArrived = reader.read() === 'end';
    return body;
  }

  receive(sink: BodySink, maxBytes: number): void {
    this.#reader.maxBodyBytes = maxBytes;
    if (this.#hasArrived) sink.end(this.#reader.trailers);
    else this.#take(sink);
  }

  resume(): void {
    if (this.#sink !== undefined && !this.#hasArrived) {
      this.#enter('body');
      this.#advance();
    }
  }

  protected hasRoom(): void {
    this.#exchange?.owner?.clientReady();
    this.#advance();
  }

  #take(sink: BodySink): void {
    if (this.#hasArrived) return;
    if (this.#isClosing) {
      sink.fail(clientGone());
      return;
    }
    this.#sink = sink;
    this.#enter('body');
    if (this.#exchange?.head.expectsContinue === true && !this.#hasContinued) {
      this.#hasContinued = true;
      if (this.#reader.heldBytes === 0) this.writer.provisional('HTTP/1.1 100 Continue\r\n\r\n');
    }
    this.#advance();
  }

  takeOver(exchange: Exchange, status: number, lines: string): TakenOver {
    const socket = this.#socket;
    this.writer.provisional(`${statusLine(status)}${lines}\r\n`);
    this.#isClosing = true;
    this.#isTakenOver = true;
    this.#exchange = undefined;
    this.state.underWay -= 1;
    this.#enter('working');
    exchange.owner = undefined;
    this.#stopReading();
    socket.removeAllListeners('end');
    // Whoever takes it knows nothing of memory that is lent.
    socket.lendsData = false;
    // `as`: what is offered over a stream of HTTP/2 is passed over, so this is a socket.
    return { socket: socket as Socket, first: Buffer.from(this.#reader.rest()) };
  }

  /** Whether the connection lives on after this answer. */
  protected keeps(head: RequestHead): boolean {
    if (!head.keepsAlive || this.state.isDraining || this.#isClosing) return false;
    // What has come after an offer of another protocol could be of that protocol.
    if (head.offersUpgrade && this.#reader.heldBytes > 0) return false;
    if (this.#hasArrived) return true;
    const isPromised = head.expectsContinue && !this.#hasContinued;
    return !isPromised && head.bodyBytes >= 0 && head.bodyBytes <= PASSED_OVER_BYTES;
  }

  /** The current request has its answer. */
  protected finish(keeps: boolean): void {
    if (this.#exchange === undefined) return;
    this.#exchange = undefined;
    this.state.underWay -= 1;
    // Whatever of the body is still to come is passed over.
    this.#sink?.fail(clientGone());
    this.#sink = undefined;
    this.#enter(this.#hasArrived ? 'idle' : 'body');
    if (keeps) {
      this.writer.send(this.state.underWay === 0);
      this.#advance();
    } else this.#close();
  }

  /** Ends the connection when all that was given to it has been sent. */
  #close(): void {
    this.#isClosing = true;
    this.#enter('lingering');
    this.writer.end();
    this.#socket.resume();
  }

  /** What arrives is no request, or not in time. */
  #fault(fault: FairleadError): void {
    const wasClosing = this.#isClosing;
    this.#isClosing = true;
    if (this.#exchange !== undefined) {
      this.#enter('working');
      this.#sink?.fail(fault);
      return;
    }
    // A body that nobody wanted has its answer already.
    if (wasClosing || !this.#hasArrived) {
      this.#close();
      return;
    }
    const { status, fields, body } = this.state.refusal(fault);
    const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const framing = this.framing(`content-length: ${bodyBytes}\r\n`, false);
    void this.writer.whole(responseHead(status, fields, framing), body, bodyBytes);
    this.#close();
  }
}
