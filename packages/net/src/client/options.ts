import type { Clock } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { FieldSieve } from '../http1/field-sieve.ts';
import type { MessageLimits } from '../http1/limits.ts';

/**
 * Where a server answers: at a Unix socket, or at a TCP port, there with TLS when it says so. `serverName` is what its
 * certificate must then be for, and what it is asked for; default `host`.
 */
export type Endpoint =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly isTls?: boolean; readonly serverName?: string };

/** A version of HTTP that an endpoint speaks. */
export type Protocol = 'http1' | 'h2';

/** How a pool of connections to one endpoint behaves. */
export interface PoolOptions extends MessageLimits {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /**
   * What is spoken there: HTTP/1.1, or HTTP/2 by prior knowledge, over TLS as ALPN agrees to it. Each request of HTTP/2 counts as a
   * connection below. Default `http1`.
   */
  readonly protocol?: Protocol;
  /** What requests say in `Host`. Default: the endpoint's host, and its port unless it is the scheme's; else `localhost`. */
  readonly host?: string;
  /** Connections at once, those that are being opened included. Default 64; at least 1. */
  readonly maxConnections?: number;
  /** Requests that wait for a connection; more are refused. Default 4 096. 0 lets none wait. */
  readonly maxWaiting?: number;
  /** How long opening a connection may take, TLS included, in milliseconds. Default 2 000; at least 1. */
  readonly connectTimeoutMs?: number;
  /**
   * How long an unused connection is kept, in milliseconds: less than the server keeps it, or a request may meet its end.
   * A server that says how long in `Keep-Alive` is believed where that is less. Default 4 000. 0 keeps none.
   */
  readonly idleTimeoutMs?: number;
  /** Largest body of an answer, in bytes. Default 16 MiB; at least 0. */
  readonly maxAnswerBytes?: number;
  /** For proxies: what of answers' heads is kept to be passed on. Default: nothing is. */
  readonly sieve?: FieldSieve;
}

/** Options with nothing left open. */
export interface ResolvedPoolOptions {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly protocol: Protocol;
  readonly host: string;
  readonly maxConnections: number;
  readonly maxWaiting: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly limits: MessageLimits;
  readonly sieve: FieldSieve | undefined;
}

const DEFAULTS = {
  maxConnections: 64,
  maxWaiting: 4_096,
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 4_000,
  maxAnswerBytes: 16 * 1024 * 1024,
};

/** @throws MISCONFIGURED */
export function resolvePoolOptions(options: PoolOptions): ResolvedPoolOptions {
  const {
    endpoint,
    clock,
    host = hostOf(endpoint),
    maxHeadBytes,
    maxFields,
    sieve,
    protocol = 'http1',
    ...given
  } = options;
  const resolved = { ...DEFAULTS, ...given };
  atLeast('maxConnections', resolved.maxConnections, 1);
  atLeast('maxWaiting', resolved.maxWaiting, 0);
  atLeast('connectTimeoutMs', resolved.connectTimeoutMs, 1);
  atLeast('idleTimeoutMs', resolved.idleTimeoutMs, 0);
  atLeast('maxAnswerBytes', resolved.maxAnswerBytes, 0);
  const limits = {
    ...(maxHeadBytes === undefined ? {} : { maxHeadBytes }),
    ...(maxFields === undefined ? {} : { maxFields }),
  };
  return { ...resolved, endpoint, clock, protocol, host, limits, sieve };
}

function atLeast(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw fail('MISCONFIGURED', `${name} is ${value}; give a whole number from ${least} on.`);
}

function hostOf(endpoint: Endpoint): string {
  if ('path' in endpoint) return 'localhost';
  const name = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return endpoint.port === (endpoint.isTls === true ? 443 : 80) ? name : `${name}:${endpoint.port}`;
}
