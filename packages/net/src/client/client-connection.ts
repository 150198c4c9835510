import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Timer } from '@fairlead/core';
import type { ResponseHead } from '../http1/response-head.ts';
import { ResponseReader } from '../http1/response-reader.ts';
import { connectionFailed, whyOf, type Call, type Carrier } from './call.ts';
import type { ResolvedPoolOptions } from './options.ts';

/** What becomes of a connection, for the pool that it belongs to. */
export interface ConnectionEvents {
  /** It is open; `onFree` follows. */
  readonly onOpen: () => void;
  /** It is open, or has had its answer, and can carry another request. */
  readonly onFree: (connection: ClientConnection) => void;
  /** It is no more; `error` when it never opened. */
  readonly onGone: (connection: ClientConnection, error: Error | undefined) => void;
}

const READ_BYTES = 32 * 1024;
const NO_BYTES = Buffer.alloc(0);
/** How much earlier than the server we stop using a connection that it will close. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** A connection to a server, which carries one request at a time. */
export class ClientConnection implements Carrier {
  /** When it may not be used any more unless it is used before, on monotonic time. */
  idleUntilMs = 0;
  readonly #options: ResolvedPoolOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  #state: 'opening' | 'open' | 'gone' = 'opening';
  #call: Call | undefined;
  #parts: Buffer[] = [];
  #idleTimeoutMs: number;
  readonly #connectTimer: Timer;
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: ResolvedPoolOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#reader = new ResponseReader(options.limits);
    this.#reader.maxBodyBytes = options.maxAnswerBytes;
    this.#socket = this.#connect();
    this.#connectTimer = options.clock.setTimer(options.connectTimeoutMs, () => {
      const late = new Error(`It was not open after ${options.connectTimeoutMs} ms.`);
      this.#end(Object.assign(late, { code: 'CONNECT_TIMEOUT' }));
    });
  }

  /** Resolves when its socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Sends a call. The connection must be free. */
  carry(call: Call): void {
    this.#call = call;
    call.carrier = this;
    this.#reader.expect(call.method);
    const socket = this.#socket;
    if (call.isAscii) {
      socket.write(call.head + call.body, 'latin1');
      return;
    }
    socket.cork();
    socket.write(call.head, 'latin1');
    socket.write(call.body, 'utf8');
    socket.uncork();
  }

  /** Ends it; a call that it carries fails, and the server may have acted on it. */
  destroy(): void {
    this.#end(undefined);
  }

  #connect(): Socket {
    const { endpoint } = this.#options;
    const socket =
      'path' in endpoint
        ? connectTcp({ path: endpoint.path, onread: this.#reading() })
        : endpoint.isTls === true
          ? connectTls({
              host: endpoint.host,
              port: endpoint.port,
              ALPNProtocols: ['http/1.1'],
              // An address is no name that a server could be asked for.
              ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
            })
          : connectTcp({ host: endpoint.host, port: endpoint.port, onread: this.#reading() });
    const isTls = 'isTls' in endpoint && endpoint.isTls === true;
    socket.setNoDelay(true);
    socket.once(isTls ? 'secureConnect' : 'connect', () => this.#opened());
    if (isTls) socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => this.#ended());
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
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        this.#received(Buffer.from(buffer.subarray(0, bytes)));
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
    if (this.#state === 'gone') return;
    // A server that speaks unasked is not one that the next answer should be believed of.
    if (this.#call === undefined) return this.destroy();
    this.#reader.add(chunk);
    this.#read(() => this.#reader.read());
  }

  /** The server has said its last. */
  #ended(): void {
    if (this.#call !== undefined) this.#read(() => this.#reader.finish());
    this.destroy();
  }

  #read(next: () => 'more' | 'head' | 'data' | 'end'): void {
    try {
      for (let step = next(); step !== 'more'; step = this.#reader.read()) {
        if (step === 'data') this.#parts.push(this.#reader.data);
        else if (step === 'end') return this.#answered();
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #answered(): void {
    const { head } = this.#reader;
    const call = this.#call;
    const parts = this.#parts;
    if (head === undefined || call === undefined) return;
    this.#call = undefined;
    this.#parts = [];
    const [first = NO_BYTES] = parts;
    const body = parts.length > 1 ? Buffer.concat(parts) : first;
    // An answer before the whole request has left, or with more behind it, is the last one.
    const isReusable = head.keepsAlive && this.#reader.isBetween && this.#socket.writableLength === 0;
    if (isReusable) this.#idleTimeoutMs = this.#keptFor(head);
    call.succeed({ status: head.status, fields: head.fields, body });
    if (isReusable && this.#idleTimeoutMs > 0) this.#free();
    else this.destroy();
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
    const call = this.#call;
    this.#call = undefined;
    call?.fail(connectionFailed(whyOf(error) ?? 'the connection broke', 'maybe', error));
    this.#events.onGone(this, isOpening ? (error ?? new Error('the connection was closed')) : undefined);
  }
}
