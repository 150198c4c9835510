import { backoff, FairleadError, isError } from '@fairlead/core';
import type { Context, Random } from '@fairlead/core';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { fail } from './errors.ts';
import type { MeteredBody } from './metered-body.ts';
import type { GatewayEndpoint } from './options.ts';

/** What goes to a service. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values, flat. */
  readonly headers: string[];
  /** A fresh body for each attempt; `undefined` for none. Only one that has not started may be followed by another. */
  readonly body: () => MeteredBody | undefined;
}

/** A service, as the gateway reaches it. */
export interface Upstream {
  readonly service: string;
  /**
   * Sends and waits for the head of the answer; its body streams. When `ctx` ends, so does the exchange, before the
   * head or after it (then the body is destroyed).
   *
   * A service that refuses the connection has provably not seen the request. So while it restarts, and nothing of the
   * body has been sent, any method is tried again with backoff, for at most the patience that was given. Nothing else is
   * ever repeated here.
   *
   * @throws UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_RESET, UPSTREAM_INVALID, BODY_TOO_LARGE, CANCELLED
   */
  send(ctx: Context, request: UpstreamRequest): Promise<Dispatcher.ResponseData>;
  /** Ends every connection at once. */
  destroy(): Promise<void>;
}

/** What an upstream needs. */
export interface UpstreamOptions {
  readonly service: string;
  readonly endpoint: GatewayEndpoint;
  readonly maxConnections: number;
  readonly connectPatienceMs: number;
  readonly random: Random;
}

const CONNECT_TIMEOUT_MS = 2_000;
const MAX_ANSWER_HEADER_BYTES = 16 * 1024;
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const NOT_HTTP = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
]);

/** Opens a pool of connections to a service, lazily. */
export function openUpstream(options: UpstreamOptions): Upstream {
  const { service, endpoint, connectPatienceMs } = options;
  const socket = 'socketPath' in endpoint ? { socketPath: endpoint.socketPath } : {};
  // Over a socket the name in Host is the service's own.
  const pool = new Pool('origin' in endpoint ? endpoint.origin : `http://${service}`, {
    connections: options.maxConnections,
    pipelining: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS, ...socket },
    // The Context's deadline is the only one: two clocks would give two answers.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
  });
  const pause = backoff({ baseMs: 50, maxMs: 300, random: options.random });

  async function attempt(
    ctx: Context,
    { method, path, headers }: UpstreamRequest,
    body: MeteredBody | undefined,
  ): Promise<Dispatcher.ResponseData> {
    // `as`: any token is a method to undici; its type names the usual ones.
    const known = method as Dispatcher.HttpMethod;
    const response = await pool.request({ method: known, path, headers, body: body ?? null, signal: ctx.signal });
    if (response.statusCode >= 200 && response.statusCode <= 599) return response;
    response.body.destroy();
    throw fail('UPSTREAM_INVALID', `${service} answered with the status ${response.statusCode}.`);
  }

  return {
    service,
    async send(ctx, request) {
      const givesUpAt = ctx.clock.monotonic() + connectPatienceMs;
      for (let count = 1; ; count++) {
        const body = request.body();
        try {
          return await attempt(ctx, request, body);
        } catch (error) {
          const failure = asUpstreamError(service, error, ctx.signal);
          const patient = ctx.clock.monotonic() < givesUpAt;
          if (!isError(failure, 'UPSTREAM_UNAVAILABLE') || body?.started === true || !patient) throw failure;
          await ctx.clock.sleep(Math.max(10, pause.delayFor(count)), ctx.signal).catch((reason: unknown) => {
            throw asUpstreamError(service, reason, ctx.signal);
          });
        }
      }
    },
    destroy: () => pool.destroy(),
  };
}

/** A failure of undici or of the Context, in the gateway's codes. */
export function asUpstreamError(service: string, error: unknown, signal: AbortSignal): FairleadError {
  const given: unknown = signal.aborted ? signal.reason : error;
  if (isError(given, 'DEADLINE_EXCEEDED')) {
    return fail('UPSTREAM_TIMEOUT', `${service} did not answer in time.`, {
      details: { processed: 'maybe' },
      cause: error,
    });
  }
  if (given instanceof FairleadError) return given;
  const code = codeOf(given);
  if (code === 'UND_ERR_INVALID_ARG')
    return fail('INTERNAL', `The request to ${service} could not be written.`, { cause: error });
  if (NOT_CONNECTED.has(code)) {
    const details = { processed: 'no' };
    return fail('UPSTREAM_UNAVAILABLE', `${service} can't be reached.`, { details, cause: error, retryAfterMs: 1_000 });
  }
  if (isParserError(given) || NOT_HTTP.has(code)) {
    return fail('UPSTREAM_INVALID', `What ${service} answered is not HTTP.`, {
      details: { processed: 'maybe' },
      cause: error,
    });
  }
  return fail('UPSTREAM_RESET', `The connection to ${service} broke before its answer.`, {
    details: { processed: 'maybe' },
    cause: error,
  });
}

/** undici gives a code of llhttp's (HPE_…), or none and a name. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'HTTPParserError' || codeOf(error).startsWith('HPE_'));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : codeOf(error.cause);
}
