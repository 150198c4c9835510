import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onDemand, type Timer } from '@fairlead/core';
import type { ResponseHead } from '../http1/response-head.ts';
import { ResponseReader } from '../http1/response-reader.ts';
import { StreamFailure } from '../http2/stream-failure.ts';
import { giveBack, isWorthGivingBack } from '../wire/given-back.ts';
import type { Sender } from '../wire/outbox.ts';
import { Outgoing } from '../wire/outgoing.ts';
import { readBuffer } from '../wire/read-buffer.ts';
import { connectionFailed, whyOf } from './call.ts';
import type { Carried, Carrier } from './carried.ts';
import type { ResolvedPoolOptions } from './options.ts';

/** What becomes of a connection, for the pool that it belongs to. */
export interface ConnectionEvents {
  /** It is open; `onFree` follows. */
  readonly onOpen: () => void;
  /** It is open, or has had its answer, and can carry another request. */
  readonly onFree: (connection: ClientConnection) => void;
  /** It has something to send: at once, or with others of this turn. */
  readonly onSend: (connection: ClientConnection) => void;
  /** It is no more; `error` when it never opened. */
  readonly onGone: (connection: ClientConnection, error: Error | undefined) => void;
}

/** What may wait to be sent; more leaves at once. */
const WAITING_AT_MOST_BYTES = 64 * 1024;
/** How much earlier than the server we stop using a connection that it will close. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** A connection to a server, which carries one request at a time. */
export class ClientConnection implements Carrier, Sender {
  /** When it may not be used any more unless it is used before, on monotonic time. */
  idleUntilMs = 0;
  readonly #options: ResolvedPoolOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: Duplex;
  readonly #reader: ResponseReader;
  #state: 'opening' | 'open' | 'gone' = 'opening';
  #carried: Carried | undefined;
  /** Whether all of the request has been given. */
  #isSent = false;
  /** Whether anything of the answer has come. */
  #isAnswering = false;
  #isPaused = false;
  #served = 0;
  #idleTimeoutMs: number;
  /** Who gets what comes of another protocol. */
  #takenOver: ((bytes: Buffer) => void) | undefined;
  readonly #outgoing: Outgoing;
  #isQueued = false;
  readonly #connectTimer: Timer;
  readonly #closed = Promise.withResolvers<void>();

  /** `openStream` opens a stream of HTTP/2, which is its connection then. Default: a socket is opened. */
  constructor(options: ResolvedPoolOptions, events: ConnectionEvents, openStream: (() => Duplex) | undefined) {
    this.#options = options;
    this.#events = events;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#reader = new ResponseReader(options.limits, options.sieve);
    this.#socket = openStream === undefined ? this.#connect() : this.#listened(openStream(), 'connect', false);
    this.#outgoing = new Outgoing(this.#socket);
    this.#connectTimer = options.clock.setTimer(options.connectTimeoutMs, () => {
      const late = new Error(`It was not open after ${options.connectTimeoutMs} ms.`);
      this.#end(Object.assign(late, { code: 'CONNECT_TIMEOUT' }));
    });
  }

  /** Resolves when its socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  set maxAnswerBytes(bytes: number) {
    this.#reader.maxBodyBytes = bytes;
  }

  /** Takes a request. The connection must be free. */
  carry(carried: Carried): void {
    this.#carried = carried;
    this.#isSent = false;
    this.#isAnswering = false;
    this.#reader.maxBodyBytes = Infinity;
    this.#reader.expect(carried.method, carried.offersUpgrade);
    carried.begin(this);
  }

  text(head: string, body: string): void {
    this.#outgoing.text(head);
    // Only ASCII is the same in latin1.
    this.#outgoing.push(Buffer.byteLength(body) === body.length ? body : Buffer.from(body));
    this.#send();
  }

  latin1(text: string): void {
    this.#outgoing.text(text);
    this.#send();
  }

  bytes(part: Buffer): boolean {
    this.#outgoing.push(part);
    this.#send();
    return this.#hasRoom;
  }

  part(bytes: Buffer, isChunk: boolean): boolean {
    this.#outgoing.copy(bytes, isChunk);
    this.#send();
    return this.#hasRoom;
  }

  sent(): void {
    this.#isSent = true;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  abandon(): void {
    this.#carried = undefined;
    this.#end(undefined);
  }

  takeOver(received: (bytes: Buffer) => void): { readonly socket: Socket; readonly first: Buffer } {
    // `as`: over HTTP/2 no other protocol is ever agreed to.
    const socket = this.#socket as Socket;
    this.#takenOver = received;
    this.#carried = undefined;
    this.#state = 'gone';
    this.#outgoing.clear();
    const first = Buffer.from(this.#reader.rest());
    this.#events.onGone(this, undefined);
    return { socket, first };
  }

  /** Ends it; a request that it carries fails, and the server may have acted on it. */
  destroy(): void {
    this.#end(undefined);
  }

  /** Sends what waits. */
  flush(): void {
    this.#isQueued = false;
    this.#outgoing.flush();
  }

  get #hasRoom(): boolean {
    return !this.#socket.writableNeedDrain && this.#outgoing.bytes <= WAITING_AT_MOST_BYTES;
  }

  #send(): void {
    if (this.#outgoing.bytes > WAITING_AT_MOST_BYTES) this.flush();
    else if (!this.#isQueued && this.#outgoing.bytes > 0) {
      this.#isQueued = true;
      this.#events.onSend(this);
    }
  }

  #connect(): Duplex {
    const { endpoint } = this.#options;
    const socket =
      'path' in endpoint
        ? connectTcp({ path: endpoint.path, onread: this.#reading() })
        : endpoint.isTls === true
          ? onDemand.tls.connect({
              host: endpoint.host,
              port: endpoint.port,
              ALPNProtocols: ['http/1.1'],
              ...named(endpoint.serverName ?? endpoint.host),
            })
          : connectTcp({ host: endpoint.host, port: endpoint.port, onread: this.#reading() });
    const isTls = 'isTls' in endpoint && endpoint.isTls === true;
    socket.setNoDelay(true);
    return this.#listened(socket, isTls ? 'secureConnect' : 'connect', !isTls);
  }

  /** `readsItself`: what arrives is told otherwise than by `data`. */
  #listened(socket: Duplex, opened: 'connect' | 'secureConnect', readsItself: boolean): Duplex {
    socket.once(opened, () => this.#opened());
    if (!readsItself) {
      socket.on('data', (chunk: Buffer) => {
        this.#received(chunk);
        if (isWorthGivingBack(chunk)) giveBack(chunk);
      });
    }
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#carried?.room());
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => {
      this.#end(undefined);
      this.#closed.resolve();
    });
    return socket;
  }

  /** Reads into one buffer again and again; what must be kept is copied. */
  #reading() {
    return {
      buffer: readBuffer(),
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        // `as`: it is the Buffer that was given.
        this.#received((buffer as Buffer).subarray(0, bytes));
        return true;
      },
    };
  }

  #opened(): void {
    if (this.#state !== 'opening') return;
    this.#connectTimer.cancel();
    this.#state = 'open';
    this.#events.onOpen();
    this.#free();
  }

  #received(chunk: Buffer): void {
    if (this.#takenOver !== undefined) return this.#takenOver(chunk);
    if (this.#state === 'gone') return;
    // A server that speaks unasked is not one that the next answer should be believed of.
    if (this.#carried === undefined) return this.destroy();
    this.#isAnswering = true;
    this.#reader.add(chunk);
    this.#read(false);
    this.#reader.keep();
  }

  /** The server has said its last. */
  #ended(): void {
    if (this.#takenOver !== undefined) return;
    if (this.#carried !== undefined) this.#read(true);
    this.destroy();
  }

  #read(isLast: boolean): void {
    const reader = this.#reader;
    let isHeadAlone = false;
    try {
      for (let step = isLast ? reader.finish() : reader.read(); step !== 'more'; step = reader.read()) {
        if (this.#carried === undefined) return;
        isHeadAlone = step === 'head';
        if (step === 'data') this.#carried.data(reader.data);
        // The reader has just said that there is one.
        else if (step === 'head') this.#carried.head(reader.head as ResponseHead);
        else return this.#answered();
        // Whoever heard of it may have had enough.
        if (this.#carried === undefined || this.#state === 'gone') return;
      }
      if (isHeadAlone) this.#carried?.headAlone?.();
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #answered(): void {
    const reader = this.#reader;
    const { head, trailers } = reader;
    const carried = this.#carried;
    if (head === undefined || carried === undefined) return;
    this.#carried = undefined;
    this.#served += 1;
    this.resume();
    // An answer before the whole request has left, or with more behind it, is the last one.
    const isReusable = head.keepsAlive && reader.isBetween && this.#isSent && this.#isFlushed;
    if (isReusable && this.#served === 1) this.#idleTimeoutMs = this.#keptFor(head);
    if (isReusable && this.#idleTimeoutMs > 0) this.#free();
    else this.destroy();
    carried.end(trailers);
  }

  get #isFlushed(): boolean {
    return this.#outgoing.bytes === 0 && this.#socket.writableLength === 0;
  }

  /** How long the connection may then be unused: our time, or the server's if it says that it has less. */
  #keptFor(head: ResponseHead): number {
    const { idleTimeoutMs } = this.#options;
    const hint = head.fields.get('keep-alive');
    const seconds = hint === undefined ? undefined : /(?:^|[ ,;])timeout=(\d{1,6})/i.exec(hint)?.[1];
    return seconds === undefined
      ? idleTimeoutMs
      : Math.min(idleTimeoutMs, Number(seconds) * 1000 - KEEP_ALIVE_MARGIN_MS);
  }

  #free(): void {
    this.idleUntilMs = this.#options.clock.monotonic() + this.#idleTimeoutMs;
    this.#events.onFree(this);
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'gone') return;
    const isOpening = this.#state === 'opening';
    this.#state = 'gone';
    this.#connectTimer.cancel();
    this.#socket.destroy();
    const carried = this.#carried;
    this.#carried = undefined;
    this.#events.onGone(this, isOpening ? (error ?? new Error('the connection was closed')) : undefined);
    if (carried === undefined) return;
    const isUnprocessed = error instanceof StreamFailure && error.isUnprocessed;
    // A session of HTTP/2 has had others before.
    const wasKept = isUnprocessed || (this.#served > 0 && !this.#isAnswering);
    const processed = isUnprocessed ? 'no' : 'maybe';
    carried.fail(connectionFailed(whyOf(error) ?? 'the connection broke', processed, error), wasKept);
  }
}

/** An address is no name that a server could be asked for. */
function named(serverName: string): { readonly servername?: string } {
  return isIP(serverName) === 0 ? { servername: serverName } : {};
}
