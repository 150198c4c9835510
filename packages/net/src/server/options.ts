import type { Clock, FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { FieldSieve } from '../http1/field-sieve.ts';
import type { OutgoingFields } from '../http1/head-writer.ts';
import { resolveLimits, type MessageLimits } from '../http1/limits.ts';
import type { ServerTls } from './acceptor.ts';
import type { ServerRequest } from './server-request.ts';

/** Where to listen: a Unix socket, or a TCP port (0 takes a free one). */
export type ListenAddress =
  | {
      readonly path: string;
      /** Who may connect, as `chmod` has it: 0o660 for owner and group. Default: what the process's umask leaves. */
      readonly mode?: number | undefined;
    }
  | { readonly host: string; readonly port: number };

/** What a server gives a client at most. */
export interface ServerLimits extends MessageLimits {
  /** How long a connection may be open without a request, in milliseconds. Default 65 000. 0 means for ever. */
  readonly idleTimeoutMs?: number;
  /** How long a head may take to arrive, from its first byte, in milliseconds. Default 10 000. 0 means for ever. */
  readonly headTimeoutMs?: number;
  /**
   * How long a whole body may take to arrive, and each part of a streamed one, in milliseconds. Default 60 000. 0 means
   * for ever.
   */
  readonly bodyTimeoutMs?: number;
  /** How long a client may take none of its answer, in milliseconds. Default 60 000. 0 means for ever. */
  readonly readerTimeoutMs?: number;
  /** Connections at once; more are closed at once. Default 10 000. 0 means any number. */
  readonly maxConnections?: number;
}

/** An answer whose body is there as a whole. */
export interface WholeAnswer {
  readonly status: number;
  readonly fields: OutgoingFields;
  readonly body: string | Uint8Array;
}

/** How a server listens and answers. */
export interface ServerOptions {
  readonly listen: ListenAddress;
  readonly clock: Clock;
  /** Called with each request when its head has arrived; it answers, now or later, once. Must not throw. */
  readonly onRequest: (request: ServerRequest) => void;
  /** The answer to what is no request, by its `HTTP_…` code; the connection is closed after it. */
  readonly refusal: (fault: FairleadError) => WholeAnswer;
  readonly limits?: ServerLimits;
  /** Speaks TLS. Default: speaks as it is. */
  readonly tls?: ServerTls | undefined;
  /** Whether HTTP/2 is spoken too: by ALPN over TLS, else to clients that begin with it. Default false. */
  readonly hasHttp2?: boolean;
  /** Whether connections begin with the header of the PROXY protocol (version 1 or 2); those that don't are cut. Default false. */
  readonly hasProxyHeader?: boolean;
  /**
   * Whether accepted sockets are read by handles that Node promises nobody, into a buffer that all share, rather than each into new memory and
   * through a stream. Without TLS, HTTP/2 and the PROXY protocol only; else it changes nothing. Whether they are there is tried once,
   * when a server is to listen; a connection that has none is cut. Default false.
   */
  readonly hasPrivateHandles?: boolean | undefined;
  /** For proxies: what of requests' heads is kept to be passed on. Default: nothing is. */
  readonly sieve?: FieldSieve;
}

export type ResolvedServerLimits = Required<ServerLimits>;

const DEFAULTS = {
  idleTimeoutMs: 65_000,
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  readerTimeoutMs: 60_000,
  maxConnections: 10_000,
};

/** @throws MISCONFIGURED */
export function resolveServerLimits(limits: ServerLimits = {}): ResolvedServerLimits {
  const resolved = { ...DEFAULTS, ...limits, ...resolveLimits(messageLimits(limits)) };
  for (const name of [
    'idleTimeoutMs',
    'headTimeoutMs',
    'bodyTimeoutMs',
    'readerTimeoutMs',
    'maxConnections',
  ] as const) {
    if (resolved[name] >= 0) continue;
    throw fail('MISCONFIGURED', `${name} is ${resolved[name]}; give a number that is 0 or more.`);
  }
  return resolved;
}

function messageLimits({ maxHeadBytes, maxTargetBytes, maxFields }: ServerLimits): MessageLimits {
  return {
    ...(maxHeadBytes === undefined ? {} : { maxHeadBytes }),
    ...(maxTargetBytes === undefined ? {} : { maxTargetBytes }),
    ...(maxFields === undefined ? {} : { maxFields }),
  };
}
