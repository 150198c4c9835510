import type { IncomingMessage } from 'node:http';
import { contextToHeaders } from '@fairlead/core';
import type { Context, IncomingHeaders } from '@fairlead/core';
import { fail } from './errors.ts';

const MAX_HEADERS = 100;

/** Meant for this connection only (RFC 9110, 7.6.1), or written anew for the next. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What only an edge may say about who asks, whence and for what; from outside it is a claim, and dropped. */
const CLAIMS = new Set([
  'authorization',
  'baggage',
  'client-ip',
  'forwarded',
  'grpc-timeout',
  'remote-user',
  'traceparent',
  'tracestate',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-real-ip',
  'x-remote-user',
  'x-request-id',
  'x-rewrite-url',
]);
const CLAIM_PREFIXES = ['x-fairlead-', 'x-forwarded-', 'x-envoy-', 'x-client-cert', 'x-ssl-', 'ssl-client-'];

/** The headers that the trace and request id of a request from outside may come from. */
const CONTINUED = ['traceparent', 'tracestate', 'x-request-id'];

/**
 * Refuses a request whose framing or headers others could read differently than Node's parser did: they must not get
 * past the first reader.
 * @throws BAD_REQUEST, HEADERS_TOO_LARGE
 */
export function checkHeaders(request: IncomingMessage): void {
  const raw = request.rawHeaders;
  if (raw.length / 2 > MAX_HEADERS)
    throw fail('HEADERS_TOO_LARGE', `A request may have at most ${MAX_HEADERS} headers.`);
  const seen = new Set<string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (!/^[\t\x20-\x7e]*$/.test(value))
      throw fail('BAD_REQUEST', `The header ${name} has other than ASCII characters.`);
    const single =
      name === 'host' || name === 'authorization' || name === 'content-length' || name === 'transfer-encoding';
    if (single && seen.has(name)) throw fail('BAD_REQUEST', `The header ${name} may be given once only.`);
    seen.add(name);
  }
  const encoding = request.headers['transfer-encoding'];
  if (encoding === undefined) return;
  if (encoding.toLowerCase() !== 'chunked')
    throw fail('BAD_REQUEST', 'The only transfer encoding understood here is chunked.');
  if (request.headers['content-length'] !== undefined || request.httpVersion !== '1.1') {
    throw fail('BAD_REQUEST', 'A chunked body needs HTTP/1.1 and no content-length.');
  }
}

/** What of the headers from outside a Context may be read from: trace and request id, never identity or time. */
export function continuedHeaders(request: IncomingMessage): IncomingHeaders {
  return Object.fromEntries(CONTINUED.map((name) => [name, request.headers[name]]));
}

/**
 * The headers that go on to a service, as a flat list of names and values in undici's form: those from outside without
 * what is only for this hop, what `Connection` names, claims of identity and names with an underscore (some servers read
 * it as a dash); then the Context's and where the request came from, which only the gateway knows. The caller's
 * idempotency key goes on unchanged: the gateway makes no call of its own.
 */
export function upstreamHeaders(request: IncomingMessage, ctx: Context): string[] {
  const named = connectionTokens(request.headers.connection);
  const headers: string[] = [];
  const raw = request.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const original = raw[index] ?? '';
    const name = original.toLowerCase();
    if (HOP_BY_HOP.has(name) || CLAIMS.has(name) || named.has(name) || name.includes('_')) continue;
    if (CLAIM_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    headers.push(original, raw[index + 1] ?? '');
  }
  for (const [name, value] of Object.entries(contextToHeaders(ctx))) headers.push(name, value);
  headers.push('x-forwarded-for', request.socket.remoteAddress ?? 'unknown');
  headers.push('x-forwarded-proto', 'http');
  if (request.headers.host !== undefined) headers.push('x-forwarded-host', request.headers.host);
  return headers;
}

/** The headers of a service's answer that go on to the caller: without hop-by-hop ones and without the platform's own. */
export function answerHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const named = connectionTokens(headers['connection']?.toString());
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || named.has(name) || name.startsWith('x-fairlead-')) continue;
    kept[name] = value;
  }
  return kept;
}

function connectionTokens(connection: string | undefined): ReadonlySet<string> {
  // Framing stays with us, whatever a caller names in Connection.
  const tokens = (connection ?? '').split(',').map((token) => token.trim().toLowerCase());
  return new Set(tokens.filter((token) => token !== 'content-length' && token !== ''));
}
