import type { Closeable, Timer } from '@fairlead/core';
import { acceptor } from './acceptor.ts';
import { Connection } from './connection.ts';
import { listenAt } from './listen-at.ts';
import { resolveServerLimits, type ResolvedServerLimits, type ServerOptions } from './options.ts';
import { checkPrivateHandles } from './private-handles.ts';
import { ServerState } from './server-state.ts';

/** A listening server. */
export interface NetServer extends Closeable {
  /** `unix:/path`, or `http://host:port` (`https:` with TLS), with the port that it really has. */
  readonly url: string;
  /** Connections that are open. */
  readonly connections: number;
  /** Resolves when it listens no more and its last connection is closed. */
  readonly closed: Promise<void>;
  /**
   * Accepts no more connections, closes those without a request, and the others after their answers. Idempotent.
   * `spares` those that may still bring a request, until `close` or another call: `fresh` ones, which have not brought any, or all
   * that are `idle`.
   */
  drain(options?: { readonly spares?: 'nobody' | 'fresh' | 'idle' }): void;
  /** Drains, and cuts what is still open after `graceMs` (default 5 000; 0 cuts at once). */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const DEFAULT_GRACE_MS = 5_000;
const MOST_TICK_MS = 1_000;
const LEAST_TICK_MS = 10;
const TICKS_A_TIMEOUT = 4;

/**
 * Serves HTTP/1.1: keep-alive, pipelined requests one at a time and in their order, bodies and answers at the pace of
 * who reads them, a time for everything that a client can be slow with. Timeouts are looked at by one timer for all
 * connections, so they come up to a quarter late.
 * @throws UNAVAILABLE when the address can't be listened at
 * @throws MISCONFIGURED when a limit makes no sense, or Node has no private handles that could be had
 */
export async function serve(options: ServerOptions): Promise<NetServer> {
  const { clock } = options;
  const limits = resolveServerLimits(options.limits);
  const tickMs = tickOf(limits);
  const state = new ServerState(clock, limits, tickMs, options.onRequest, options.refusal, options.sieve);
  const connections = new Set<Connection>();
  let sweeping: Timer | undefined;
  let stopped: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const { tls, hasProxyHeader = false, hasHttp2 = false, hasPrivateHandles = false } = options;
  if (hasPrivateHandles) await checkPrivateHandles();
  const { headTimeoutMs, idleTimeoutMs, maxHeadBytes } = limits;
  const http2 = hasHttp2 ? { maxHeadBytes, idleTimeoutMs } : undefined;
  const accepting = acceptor(
    { tls, http2, hasProxyHeader, hasPrivateHandles, beginTimeoutMs: headTimeoutMs, clock },
    (socket, whence) => {
      const connection = new Connection(socket, state, forget, whence);
      connections.add(connection);
      sweeping ??= clock.setTimer(tickMs, sweep);
    },
  );
  const { server } = accepting;
  if (limits.maxConnections > 0) server.maxConnections = limits.maxConnections;

  function forget(connection: Connection): void {
    connections.delete(connection);
    if (connections.size > 0) return;
    sweeping?.cancel();
    sweeping = undefined;
  }

  function sweep(): void {
    sweeping = clock.setTimer(tickMs, sweep);
    state.tick += 1;
    for (const connection of connections) connection.sweep();
  }

  function stop(spares: 'nobody' | 'fresh' | 'idle'): Promise<void> {
    stopped ??= new Promise((resolve) => {
      state.isDraining = true;
      server.close(() => resolve());
      accepting.drain();
    });
    if (spares === 'idle') return stopped;
    for (const connection of connections) if (spares === 'nobody' || !connection.isFresh) connection.drain();
    return stopped;
  }

  async function close(graceMs: number): Promise<void> {
    const done = stop('nobody');
    const cut = () => {
      accepting.cut();
      for (const connection of connections) connection.destroy();
    };
    if (graceMs <= 0) cut();
    const late = clock.setTimer(graceMs, cut);
    await done.finally(() => late.cancel());
  }

  const closed = new Promise<void>((resolve) => void server.once('close', () => resolve()));
  const url = await listenAt(server, options.listen, tls === undefined ? 'http' : 'https');
  const self: NetServer = {
    url,
    closed,
    get connections() {
      return connections.size;
    },
    drain({ spares = 'nobody' } = {}) {
      void stop(spares);
    },
    close(closeOptions = {}) {
      closing ??= close(closeOptions.graceMs ?? DEFAULT_GRACE_MS);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

/** Often enough for the shortest timeout, and not more often than a second. */
function tickOf(limits: ResolvedServerLimits): number {
  const { idleTimeoutMs, headTimeoutMs, bodyTimeoutMs, readerTimeoutMs } = limits;
  const timeouts = [idleTimeoutMs, headTimeoutMs, bodyTimeoutMs, readerTimeoutMs].filter((timeoutMs) => timeoutMs > 0);
  return Math.max(LEAST_TICK_MS, Math.min(MOST_TICK_MS, ...timeouts.map((timeoutMs) => timeoutMs / TICKS_A_TIMEOUT)));
}
