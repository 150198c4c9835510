import { EventEmitter } from 'node:events';
import { FairleadError, type Closeable, type Transport } from '@fairlead/core';
import { errors, Pool } from 'undici';
import { fail } from './errors.ts';

/** Where a service answers. */
export type Endpoint = { readonly socketPath: string } | { readonly origin: string };

/** How `socketTransport` connects. */
export interface SocketTransportOptions {
  /** Where a service or external answers, asked at each call; `undefined` when nobody knows. */
  readonly resolve: (service: string) => Endpoint | undefined;
  /** Connections to one endpoint at most; calls beyond wait for one. Default 64; at least 1. */
  readonly maxConnections?: number;
  /** How long opening a connection may take, in milliseconds. Default 2 000; at least 1. */
  readonly connectTimeoutMs?: number;
  /** Largest answer body, in bytes. Default 16 MiB; at least 1. */
  readonly maxAnswerBytes?: number;
}

/** A transport that holds connections. */
export type SocketTransport = Transport & Closeable;

const DEFAULTS = { maxConnections: 64, connectTimeoutMs: 2_000, maxAnswerBytes: 16 * 1024 * 1024 };
/** An idle connection is given up before the server's keep-alive (5 s in Node) can close it under a request. */
const IDLE_MS = 4_000;
/** What goes wrong before a request can have been written. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'ENOTSOCK',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Calls over HTTP/1.1, through one pool of connections an endpoint. An abort destroys its request. */
export function socketTransport(options: SocketTransportOptions): SocketTransport {
  const settings = { ...DEFAULTS, ...options };
  const pools = new Map<string, Pool>();
  let closing: Promise<void> | undefined;

  function poolOf(endpoint: Endpoint): Pool {
    const socketPath = 'socketPath' in endpoint ? endpoint.socketPath : undefined;
    const origin = 'origin' in endpoint ? new URL(endpoint.origin).origin : 'http://localhost';
    const id = socketPath ?? origin;
    const known = pools.get(id);
    if (known !== undefined) return known;
    const pool = new Pool(origin, {
      connections: settings.maxConnections,
      connect: { timeout: settings.connectTimeoutMs, ...(socketPath === undefined ? {} : { socketPath }) },
      // The Context says how long a call may take; two clocks would only disagree.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      maxResponseSize: settings.maxAnswerBytes,
      pipelining: 1,
    });
    pools.set(id, pool);
    return pool;
  }

  const self: SocketTransport = {
    async send(ctx, request) {
      ctx.throwIfAborted();
      const { service } = request;
      if (closing !== undefined) throw unavailable(service, 'no', 'this process is shutting down');
      const endpoint = settings.resolve(service);
      if (endpoint === undefined) throw unavailable(service, 'no', 'nobody knows where it is');
      const basePath = 'origin' in endpoint ? new URL(endpoint.origin).pathname.replace(/\/$/, '') : '';
      // An emitter, which costs a fraction of an abort signal; undici takes either.
      const abort = new EventEmitter();
      const leave = ctx.onEnd(() => abort.emit('abort'));
      try {
        const answer = await poolOf(endpoint).request({
          // Its methods are the ones that contracts have.
          method: request.method as 'GET',
          path: `${basePath}${request.path}`,
          headers: request.headers,
          body: request.body ?? null,
          signal: abort,
        });
        return { status: answer.statusCode, headers: flat(answer.headers), body: await answer.body.text() };
      } catch (error) {
        if (ctx.signal.aborted) throw ctx.signal.reason;
        if (error instanceof errors.ResponseExceededMaxSizeError) {
          throw new FairleadError(
            'bad-gateway',
            'INVALID_ANSWER',
            `${service} answered more than ${settings.maxAnswerBytes} bytes.`,
            { cause: error },
          );
        }
        const code = codeOf(error);
        throw unavailable(service, BEFORE_SENDING.has(code) ? 'no' : 'maybe', code, error);
      } finally {
        leave();
      }
    },
    close() {
      closing ??= Promise.all([...pools.values()].map((pool) => pool.destroy())).then(() => {});
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

function unavailable(service: string, processed: 'no' | 'maybe', why: string, cause?: unknown): FairleadError {
  return fail('UNAVAILABLE', `${service} can't be reached: ${why}.`, {
    details: { processed, service },
    ...(cause === undefined ? {} : { cause }),
  });
}

function codeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && 'code' in first ? String(first.code) : 'the connection broke';
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) texts[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return texts;
}
