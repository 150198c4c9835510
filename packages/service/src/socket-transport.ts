import { FairleadError, realClock, type Clock, type Closeable, type Transport } from '@fairlead/core';
import { clientPool, type Endpoint as NetEndpoint, type Fields, type Pool } from '@fairlead/net';
import { fail } from './errors.ts';

/** Where a service answers. */
export type Endpoint = { readonly socketPath: string } | { readonly origin: string };

/** How `socketTransport` connects. */
export interface SocketTransportOptions {
  /** Where a service or external answers, asked at each call; `undefined` when nobody knows. */
  readonly resolve: (service: string) => Endpoint | undefined;
  /** Connections to one endpoint at most; calls beyond wait for one, 4 096 of them. Default 64; at least 1. */
  readonly maxConnections?: number;
  /** How long opening a connection may take, in milliseconds. Default 2 000; at least 1. */
  readonly connectTimeoutMs?: number;
  /** Largest answer body, in bytes. Default 16 MiB; at least 1. */
  readonly maxAnswerBytes?: number;
  /** Time, for opening connections and for closing unused ones. Default: the machine's. */
  readonly clock?: Clock;
}

/** A transport that holds connections. */
export type SocketTransport = Transport & Closeable;

/** A pool, and what stands before every path there. */
interface Target {
  readonly pool: Pool;
  readonly basePath: string;
}

const DEFAULTS = { maxConnections: 64, connectTimeoutMs: 2_000, maxAnswerBytes: 16 * 1024 * 1024 };
/** An idle connection is given up before the server's keep-alive (5 s in Node) can close it under a request. */
const IDLE_MS = 4_000;
const BYTE_ORDER_MARK = 0xfeff;

/** Calls over HTTP/1.1, through one pool of connections an endpoint. An abort destroys its request. */
export function socketTransport(options: SocketTransportOptions): SocketTransport {
  const { resolve, clock = realClock(), ...given } = options;
  const settings = { ...DEFAULTS, ...given };
  const pools = new Map<string, Pool>();
  const targets = new Map<string, Target>();
  let closing: Promise<void> | undefined;

  function targetOf(endpoint: Endpoint): Target {
    const name = 'socketPath' in endpoint ? endpoint.socketPath : endpoint.origin;
    const known = targets.get(name);
    if (known !== undefined) return known;
    const url = 'origin' in endpoint ? new URL(endpoint.origin) : undefined;
    const basePath = url === undefined ? '' : url.pathname.replace(/\/$/, '');
    const target = {
      basePath,
      pool: poolOf(url?.origin ?? name, url === undefined ? { path: name } : endpointOf(url)),
    };
    targets.set(name, target);
    return target;
  }

  /** One for an origin, whatever the paths below it. */
  function poolOf(id: string, endpoint: NetEndpoint): Pool {
    const known = pools.get(id);
    if (known !== undefined) return known;
    const pool = clientPool({ ...settings, endpoint, clock, idleTimeoutMs: IDLE_MS });
    pools.set(id, pool);
    return pool;
  }

  const self: SocketTransport = {
    async send(ctx, request) {
      ctx.throwIfAborted();
      const { service } = request;
      if (closing !== undefined) throw unavailable(service, 'no', 'this process is shutting down');
      const endpoint = resolve(service);
      if (endpoint === undefined) throw unavailable(service, 'no', 'nobody knows where it is');
      const { pool, basePath } = targetOf(endpoint);
      const { method, headers, body } = request;
      try {
        const answer = await pool.request(ctx, { method, target: basePath + request.path, fields: headers, body });
        return { status: answer.status, headers: flat(answer.fields), body: textOf(answer.body) };
      } catch (error) {
        throw told(service, error, settings.maxAnswerBytes);
      }
    },
    close() {
      closing ??= Promise.all([...pools.values()].map((pool) => pool.close())).then(() => {});
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

function endpointOf(url: URL): NetEndpoint {
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, isTls };
}

/** What the caller is told; the reason of a Context that ended is passed on as it is. */
function told(service: string, error: unknown, maxAnswerBytes: number): unknown {
  if (!(error instanceof FairleadError)) return error;
  if (error.code === 'HTTP_BODY_TOO_LARGE') {
    const message = `${service} answered more than ${maxAnswerBytes} bytes.`;
    return new FairleadError('bad-gateway', 'INVALID_ANSWER', message, { cause: error });
  }
  const { processed, why = error.code } = error.details;
  if (processed !== 'no' && processed !== 'maybe') return error;
  return unavailable(service, processed, String(why), error);
}

function unavailable(service: string, processed: 'no' | 'maybe', why: string, cause?: unknown): FairleadError {
  return fail('UNAVAILABLE', `${service} can't be reached: ${why}.`, {
    details: { processed, service },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A mark of byte order is allowed before JSON, and no part of it. */
function textOf(body: Buffer): string {
  const text = body.toString('utf8');
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

/** By name; what came several times is joined. */
function flat({ list }: Fields): Record<string, string> {
  const texts: Record<string, string> = {};
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    const value = list[at + 1] ?? '';
    const before = texts[name];
    texts[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return texts;
}
