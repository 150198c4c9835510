// The gateway, in the order in which a request meets its parts:
//   gateway.ts          listens, answers health, drains and closes
//   exchange.ts         one request from its head to the end of its answer
//   request-target.ts   request-headers.ts   what is refused, dropped and set
//   route-table.ts      path and method → route
//   token-verifier.ts   who asks; token-cache.ts, key-source.ts, key-set.ts, jwks-url.ts
//   service-policies.ts  metered-body.ts     upstream.ts          to the service, as its policy allows
//   answer.ts           errors.ts            problem documents and their codes
//   report.ts                                what is told of it: span, metric, line
//   options.ts          config.ts main.ts    how it is told what to do
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createContext, FairleadError } from '@fairlead/core';
import type { Closeable } from '@fairlead/core';
import { problemAnswer, rawAnswer, sendProblem, traceHeaders } from './answer.ts';
import { fail } from './errors.ts';
import { exchange } from './exchange.ts';
import { fetchJwks } from './filters/jwt/jwks-url.ts';
import { readKeySet } from './filters/jwt/key-set.ts';
import { keySource } from './filters/jwt/key-source.ts';
import { resolveOptions } from './options.ts';
import type { GatewayOptions } from './options.ts';
import { routeTable } from './route-table.ts';
import { servicePolicies } from './service-policies.ts';
import { tokenVerifier } from './token-verifier.ts';
import { openUpstream } from './upstream.ts';

/** A gateway that listens. `close` refuses new requests, lets those under way end within its grace time, then cuts them. */
export interface Gateway extends Closeable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Whether requests would be served: it has public keys and is not shutting down. */
  ready(): boolean;
}

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
/** What uploading may take beyond the longest route's time. */
const UPLOAD_SLACK_MS = 5_000;
const DEFAULT_GRACE_MS = 5_000;

/**
 * Starts a gateway: the only door of the platform. It verifies the token, sets tenant, subject and roles, and drops
 * whatever of the kind came from outside. Resolves when it listens; public keys are fetched behind the scenes, until then
 * requests are answered with KEYS_UNAVAILABLE.
 *
 * `GET /-/health/live` is 200 as long as the process answers; `GET /-/health/ready` is 200 when `ready()`, else 503.
 * Nothing below `/-` ever reaches a service.
 *
 * @throws MISCONFIGURED with every wrong option; LISTEN_FAILED when the address can't be had
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const resolved = resolveOptions(options);
  const { telemetry, clock, random, jwks, listen } = resolved;
  const upstreams = new Map(
    [...new Set(resolved.routes.map((route) => route.service))].flatMap((service) => {
      const endpoint = resolved.endpoints[service];
      const { maxConnections, connectPatienceMs } = resolved;
      return endpoint === undefined
        ? []
        : [[service, openUpstream({ service, endpoint, maxConnections, connectPatienceMs, random })]];
    }),
  );
  const keys = keySource({
    fetch: typeof jwks === 'function' ? jwks : (signal) => fetchJwks(jwks, signal, { clock, random }),
    read: (fetched) => readKeySet(fetched),
    maxAgeMs: resolved.jwksMaxAgeMs,
    cooldownMs: resolved.jwksCooldownMs,
    clock,
    random,
    log: telemetry.log,
  });
  const { issuer, audience, tenants, tokenCacheSize } = resolved;
  let draining = false;
  const exchanges = exchange({
    table: routeTable(resolved.routes),
    verifier: tokenVerifier({ keys, issuer, audience, tenants, clock, cacheSize: tokenCacheSize }),
    upstreams,
    policyOf: servicePolicies({ policies: resolved.policies, clock, random, telemetry }),
    absent: resolved.absent,
    telemetry,
    clock,
    random,
    draining: () => draining,
  });

  const underWay = new Set<Promise<void>>();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (answerOwnPath(request, response)) return;
    const exchanged = exchanges.run(request, response).catch((error: unknown) => {
      telemetry.log.error(undefined, 'an exchange failed in an unforeseen way', { error });
      response.destroy();
    });
    underWay.add(exchanged);
    void exchanged.finally(() => underWay.delete(exchanged));
  };
  const ready = (): boolean => !draining && keys.current() !== undefined;

  /** Health, at paths that no route can have. */
  function answerOwnPath(request: IncomingMessage, response: ServerResponse): boolean {
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== '/-/health/live' && path !== '/-/health/ready') return false;
    using ctx = createContext({ clock, random });
    const good = path === '/-/health/live' || ready();
    const body = JSON.stringify({ status: good ? 'ok' : draining ? 'draining' : 'no-keys' });
    response.writeHead(good ? 200 : 503, {
      ...traceHeaders(ctx),
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  }

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, insecureHTTPParser: false }, handle);
  server.maxHeadersCount = 0; // Counted in checkHeaders: Node would drop what is beyond without a word.
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout =
    Math.max(HEADERS_TIMEOUT_MS, ...resolved.routes.map((route) => route.timeoutMs)) + UPLOAD_SLACK_MS;
  server.on('checkContinue', handle);
  server.on('checkExpectation', (request, response) => {
    using ctx = createContext({ clock, random });
    void sendProblem(
      response,
      problemAnswer(
        ctx,
        fail('EXPECTATION_FAILED', 'The only expectation understood here is 100-continue.'),
        request.url,
      ),
    );
  });
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    using ctx = createContext({ clock, random });
    const answer = problemAnswer(ctx, parserFailure(error.code), undefined);
    telemetry.log.info(ctx, 'request', { status: answer.status, code: answer.code, parser: error.code });
    socket.end(rawAnswer(answer));
  });

  const address = await new Promise<{ readonly port: number }>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new FairleadError(
          'internal',
          'LISTEN_FAILED',
          `The gateway can't listen on ${listen.host}:${listen.port}: ${error.message}`,
          { cause: error },
        ),
      );
    });
    server.listen(listen.port, listen.host, () => {
      const bound = server.address();
      // A TCP server's address is an object once it listens.
      resolve(typeof bound === 'object' && bound !== null ? bound : { port: listen.port });
    });
  }).catch(async (error: unknown) => {
    keys.close();
    await Promise.all([...upstreams.values()].map((upstream) => upstream.destroy()));
    throw error;
  });

  async function shutDown(graceMs: number): Promise<void> {
    draining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = clock.setTimer(graceMs, () => exchanges.cutAll());
    // Requests on connections that were kept alive may still arrive: they are refused, and their connection ends.
    while (underWay.size > 0) await Promise.allSettled(underWay);
    timer.cancel();
    keys.close();
    server.closeAllConnections();
    await Promise.all([closed, ...[...upstreams.values()].map((upstream) => upstream.destroy())]);
  }

  let closing: Promise<void> | undefined;
  const close = (closeOptions: { readonly graceMs?: number } = {}): Promise<void> =>
    (closing ??= shutDown(closeOptions.graceMs ?? DEFAULT_GRACE_MS));
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return { url: `http://${host}:${address.port}`, ready, close, [Symbol.asyncDispose]: () => close() };
}

function parserFailure(code: string | undefined): FairleadError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return fail('HEADERS_TOO_LARGE', `The head of a request may have at most ${MAX_HEADER_BYTES} bytes.`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return fail('REQUEST_TIMEOUT', 'The request did not arrive in time.');
  return fail('BAD_REQUEST', 'This is no HTTP/1.1 request.');
}
