import type { ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { onDemand, type Timer } from '@fairlead/core';
import type { ResolvedPoolOptions } from '../client/options.ts';
import { StreamFailure } from './stream-failure.ts';
import type { UpstreamStream } from './upstream-stream.ts';

/** Streams of one session, whatever the server would allow; further ones get another session. */
const MOST_STREAMS = 100;
/** As servers here give clients. */
const STREAM_WINDOW_BYTES = 64 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;
const MOST_HEAD_BYTES = 16 * 1024;
const ALPN = 'h2';

/** A connection to a server of HTTP/2, with the streams that it carries. */
export class UpstreamSession {
  readonly closed: Promise<void>;
  readonly #options: ResolvedPoolOptions;
  readonly #session: ClientHttp2Session;
  readonly #streams = new Set<UpstreamStream>();
  readonly #timers: { connect: Timer | undefined; idle: Timer | undefined; pong: Timer | undefined };
  #state: 'opening' | 'open' | 'leaving' = 'opening';
  #fault: Error | undefined;

  /** `onGone`: it takes no more streams. */
  constructor(options: ResolvedPoolOptions, onGone: (session: UpstreamSession) => void) {
    const { endpoint, clock, connectTimeoutMs, limits } = options;
    this.#options = options;
    const isTls = 'isTls' in endpoint && endpoint.isTls === true;
    const settings = {
      createConnection: () => socketTo(options),
      // What a field's lines mean together is for those to say who read them.
      strictSingleValueFields: false,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: limits.maxHeadBytes ?? MOST_HEAD_BYTES,
      },
    };
    const session = onDemand.http2.connect(`${isTls ? 'https' : 'http'}://${options.host}`, settings);
    this.#session = session;
    this.#timers = {
      connect: clock.setTimer(connectTimeoutMs, () =>
        this.#fail(
          new StreamFailure('CONNECT_TIMEOUT', `The session was not open after ${connectTimeoutMs} ms.`, true),
        ),
      ),
      idle: undefined,
      pong: undefined,
    };
    session.once('connect', (_session: ClientHttp2Session, socket: Socket | TLSSocket) => {
      if ('alpnProtocol' in socket && socket.alpnProtocol !== ALPN)
        this.#fail(new StreamFailure('HTTP2_NOT_SPOKEN', 'The server did not agree to HTTP/2.', true));
      else this.#opened();
    });
    session.on('goaway', (_code: number, lastStreamId: number) => {
      this.#state = 'leaving';
      onGone(this);
      for (const stream of this.#streams) stream.turnedAwayAfter(lastStreamId);
    });
    session.on('error', (error: Error) => (this.#fault ??= error));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    session.once('close', () => {
      this.#state = 'leaving';
      for (const timer of Object.values(this.#timers)) timer?.cancel();
      onGone(this);
      // Those that have begun hear of it by themselves; the others were waiting for it to open.
      const fault = this.#fault ?? new StreamFailure('HTTP2_SESSION_GONE', 'The session was closed.', true);
      for (const stream of this.#streams) if (!stream.hasBegun) stream.destroy(fault);
      resolve();
    });
  }

  /** Whether it takes another stream. */
  get hasRoom(): boolean {
    if (this.#state === 'leaving') return false;
    const most = this.#state === 'open' ? this.#session.remoteSettings.maxConcurrentStreams : MOST_STREAMS;
    return this.#streams.size < Math.min(MOST_STREAMS, Math.max(1, most ?? MOST_STREAMS));
  }

  /** Takes a stream, which hears when it may send. */
  add(stream: UpstreamStream): void {
    this.#streams.add(stream);
    this.#timers.idle?.cancel();
    this.#timers.idle = undefined;
    stream.once('close', () => this.#released(stream));
    // Whoever has asked for it is still to listen.
    if (this.#state === 'open') process.nextTick(() => stream.attach(this.#session));
  }

  /** Ends it, and every stream with it. */
  destroy(): void {
    this.#session.destroy();
  }

  #opened(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#timers.connect?.cancel();
    this.#session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    for (const stream of this.#streams) stream.attach(this.#session);
  }

  #fail(fault: Error): void {
    this.#fault ??= fault;
    this.#session.destroy();
  }

  #released(stream: UpstreamStream): void {
    this.#streams.delete(stream);
    if (this.#session.destroyed) return;
    // Whoever gave up waiting may have met a connection that is dead without saying so.
    if (stream.hasBegun && !stream.isAnswered) this.#ping();
    if (this.#streams.size > 0 || this.#state !== 'open') return;
    const { clock, idleTimeoutMs } = this.#options;
    this.#timers.idle ??= clock.setTimer(idleTimeoutMs, () => {
      this.#state = 'leaving';
      this.#session.close();
    });
  }

  #ping(): void {
    if (this.#timers.pong !== undefined || this.#state !== 'open') return;
    const { clock, connectTimeoutMs } = this.#options;
    this.#timers.pong = clock.setTimer(connectTimeoutMs, () =>
      this.#fail(
        new StreamFailure('HTTP2_NO_PONG', `The server did not answer a ping in ${connectTimeoutMs} ms.`, false),
      ),
    );
    this.#session.ping(() => {
      this.#timers.pong?.cancel();
      this.#timers.pong = undefined;
    });
  }
}

function socketTo({ endpoint }: ResolvedPoolOptions): Socket {
  if ('path' in endpoint) return connectTcp({ path: endpoint.path });
  const { host, port, isTls, serverName = host } = endpoint;
  const socket =
    isTls === true
      ? onDemand.tls.connect({
          host,
          port,
          ALPNProtocols: [ALPN],
          ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
        })
      : connectTcp({ host, port });
  return socket.setNoDelay(true);
}
