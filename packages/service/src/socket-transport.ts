import {
  FairleadError,
  realClock,
  realRandom,
  type Clock,
  type Closeable,
  type Context,
  type Random,
  type Transport,
  type TransportRequest,
} from '@fairlead/core';
import {
  addressOf,
  clientPool,
  type ClusterEvent,
  type Endpoint as NetEndpoint,
  type Fields,
  type Pool,
  type ReceivedAnswer,
} from '@fairlead/net';
import { fail } from './errors.ts';
import { ServiceCluster } from './service-cluster.ts';
import { netEndpoint, type Endpoint } from './service-endpoint.ts';

/** How `socketTransport` connects. */
export interface SocketTransportOptions {
  /**
   * Where a service or external answers, asked at each call; `undefined` when nobody knows. Of several, each call goes to
   * one: to who answers fastest and has least to do, of two that are drawn. Who fails is left out for a while. Give the same
   * array as long as they are the same.
   */
  readonly resolve: (service: string) => Endpoint | readonly Endpoint[] | undefined;
  /** Connections to one endpoint at most; calls beyond wait for one, 4 096 of them. Default 64; at least 1. */
  readonly maxConnections?: number;
  /** How long opening a connection may take, in milliseconds. Default 2 000; at least 1. */
  readonly connectTimeoutMs?: number;
  /** Largest answer body, in bytes. Default 16 MiB; at least 1. */
  readonly maxAnswerBytes?: number;
  /** Time, for opening connections and for closing unused ones. Default: the machine's. */
  readonly clock?: Clock;
  /** Who is drawn, of several endpoints. Default: the machine's. */
  readonly random?: Random;
  /** Is told what happens to a service's endpoints, where it has several. Must not throw. */
  readonly observe?: (service: string, event: ClusterEvent) => void;
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

/** Calls over HTTP/1.1, through one pool of connections an endpoint. An abort destroys its request. Several endpoints are a cluster. */
export function socketTransport(options: SocketTransportOptions): SocketTransport {
  const { resolve, clock = realClock(), random = realRandom(), observe = () => {}, ...given } = options;
  const settings = { ...DEFAULTS, ...given };
  const { maxConnections, connectTimeoutMs, maxAnswerBytes } = settings;
  const pool = { connectTimeoutMs, maxAnswerBytes, idleTimeoutMs: IDLE_MS };
  const pools = new Map<string, Pool>();
  const targets = new Map<string, Target>();
  const clusters = new Map<string, ServiceCluster>();
  let closing: Promise<void> | undefined;

  function targetOf(endpoint: Endpoint): Target {
    const name = 'socketPath' in endpoint ? endpoint.socketPath : endpoint.origin;
    const known = targets.get(name);
    if (known !== undefined) return known;
    const reached = netEndpoint(endpoint);
    const target = { basePath: reached.basePath, pool: poolOf(reached.endpoint) };
    targets.set(name, target);
    return target;
  }

  /** One for an origin, whatever the paths below it. */
  function poolOf(endpoint: NetEndpoint): Pool {
    const id = addressOf(endpoint);
    const known = pools.get(id);
    if (known !== undefined) return known;
    const opened = clientPool({ ...pool, maxConnections, endpoint, clock });
    pools.set(id, opened);
    return opened;
  }

  function clusterOf(service: string, endpoints: readonly Endpoint[]): ServiceCluster {
    let cluster = clusters.get(service);
    if (cluster === undefined) {
      cluster = new ServiceCluster(service, { clock, random, maxConnections, pool, observe });
      clusters.set(service, cluster);
    }
    cluster.use(endpoints);
    return cluster;
  }

  const self: SocketTransport = {
    async send(ctx, request) {
      ctx.throwIfAborted();
      const { service } = request;
      if (closing !== undefined) throw unavailable(service, 'no', 'this process is shutting down');
      const endpoint = resolve(service);
      if (endpoint === undefined) throw unavailable(service, 'no', 'nobody knows where it is');
      try {
        const answer = isList(endpoint)
          ? await clusterOf(service, endpoint).request(ctx, request)
          : await sent(ctx, request, targetOf(endpoint));
        return { status: answer.status, headers: flat(answer.fields), body: textOf(answer.body) };
      } catch (error) {
        throw told(service, error, settings.maxAnswerBytes);
      }
    },
    close() {
      closing ??= Promise.all([...pools.values(), ...clusters.values()].map((part) => part.close())).then(() => {});
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

function isList(endpoint: Endpoint | readonly Endpoint[]): endpoint is readonly Endpoint[] {
  return 'length' in endpoint;
}

function sent(
  ctx: Context,
  { method, path, headers, body }: TransportRequest,
  { pool, basePath }: Target,
): Promise<ReceivedAnswer> {
  return pool.request(ctx, { method, target: basePath + path, fields: headers, body });
}

/** What the caller is told; the reason of a Context that ended is passed on as it is. */
function told(service: string, error: unknown, maxAnswerBytes: number): unknown {
  if (!(error instanceof FairleadError)) return error;
  // Of a cluster that has nobody for it.
  if (error.code === 'UNAVAILABLE') return error;
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
