import { realClock, type Clock, type Closeable, type FairleadError } from '@fairlead/core';
import { serve, type ListenAddress, type WholeAnswer } from '@fairlead/net';
import { HttpExchanges } from './http-exchange.ts';
import { rejection, rejectionOf } from './http-rejection.ts';
import { httpRoutes } from './http-routes.ts';
import type { ServiceInstance } from './service-instance.ts';
import { clearStaleSocket } from './stale-socket.ts';

/** How a service is served. */
export interface ServeOptions {
  /** Where: a Unix socket, or a TCP port (0 takes a free one). */
  readonly listen: ListenAddress;
  /** Largest body of an operation's request, in bytes. Default 1 048 576 (1 MiB). 0 means no body at all. */
  readonly maxBodyBytes?: number;
  /** Time, for slow clients and for the end of a drain. Default: the machine's. */
  readonly clock?: Clock;
}

/** A listening server. */
export interface HttpServer extends Closeable {
  /** `unix:/path` or `http://host:port`, with the port that it really has. */
  readonly url: string;
  /**
   * Closes server and service: not ready any more, then no new connections, then calls under way end (`graceMs`, default
   * 5 000; the rest is aborted and answered 503), then consumers and relay, then connections.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;
/** How long the last answers may take to leave. */
const FLUSH_MS = 500;

/**
 * Serves an instance over HTTP/1.1: its contract's operations, its raw `routes`, `/health/live`, `/health/ready`,
 * `/metrics`, and what is below `/internal/`. Every failure is a problem document. Takes the instance over: closing the
 * server closes it. A socket file that a killed predecessor left behind is removed.
 *
 * Headers are believed. Listen where only the platform reaches: a socket in a directory of one's own, or behind an edge
 * that strips identity headers.
 *
 * @throws UNAVAILABLE when somebody listens there already
 * @throws MISCONFIGURED when `path` is something else than a socket
 */
export async function serveHttp(instance: ServiceInstance, options: ServeOptions): Promise<HttpServer> {
  const { listen, maxBodyBytes = DEFAULT_MAX_BODY_BYTES, clock = realClock() } = options;
  const exchanges = new HttpExchanges(instance, httpRoutes(instance), maxBodyBytes);
  if ('path' in listen) await clearStaleSocket(listen.path);
  const server = await serve({ listen, clock, refusal, onRequest: (request) => void exchanges.take(request) });

  let closing: Promise<void> | undefined;
  async function close(graceMs: number): Promise<void> {
    instance.drain();
    server.drain();
    await instance.close({ graceMs });
    await server.close({ graceMs: FLUSH_MS });
  }

  const self: HttpServer = {
    url: server.url,
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

/** What is no request has no trace to name either. */
function refusal(fault: FairleadError): WholeAnswer {
  const { status, headers, body } = rejectionOf(fault) ?? rejection(400, 'INVALID_REQUEST', fault.message);
  return { status, fields: headers, body };
}
