import type { Clock, Random } from '@fairlead/core';
import type { Telemetry } from '@fairlead/telemetry';
import type { JSONWebKeySet } from 'jose';

/** A rule of the gateway: which paths go to which service, for whom, and for how long. */
export interface GatewayRoute {
  /** A prefix of whole path segments that starts with `/`. The longest one that matches wins. */
  readonly path: string;
  /** The service that answers; must be a name in `endpoints`. */
  readonly service: string;
  /** Methods that this route answers, in capitals; GET includes HEAD. Default: all but CONNECT and TRACE. */
  readonly methods?: readonly string[] | undefined;
  /** The token must state at least one. Default: every authenticated subject may pass. */
  readonly roles?: readonly string[] | undefined;
  /** Time for the whole exchange in milliseconds. Default 10 000. 0 is refused. */
  readonly timeoutMs?: number | undefined;
  /** Largest request body in bytes. Default 1 048 576. 0 means no body at all. */
  readonly maxBodyBytes?: number | undefined;
}

/** Where a service listens. */
export type GatewayEndpoint = { readonly socketPath: string } | { readonly origin: string };

/** Where the platform's public keys come from: a function, or a URL (`http:`, `https:`, or `unix:/path/to.sock:/url/path`). */
export type JwksSource = string | ((signal: AbortSignal) => Promise<JSONWebKeySet>);

/** What a gateway needs. */
export interface GatewayOptions {
  /** Default host `127.0.0.1`; port 0 takes a free one. */
  readonly listen: { readonly host?: string | undefined; readonly port: number };
  readonly routes: readonly GatewayRoute[];
  /** Service name → where it listens. */
  readonly endpoints: Readonly<Record<string, GatewayEndpoint>>;
  readonly jwks: JwksSource;
  /** The token's `iss` must be this. */
  readonly issuer: string;
  /** The token's `aud` must be or contain this. */
  readonly audience: string;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
}
