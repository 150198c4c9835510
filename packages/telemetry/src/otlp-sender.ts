import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CORE_ERRORS, FairleadError, kindOfStatus, statusOf, thrower } from '@fairlead/core';
import { TELEMETRY_ERRORS } from './errors.ts';

/** Delivers one export request; rejects when it was not accepted. */
export type OtlpSend = (json: Uint8Array, signal: AbortSignal) => Promise<void>;

interface Target {
  readonly request: typeof httpRequest;
  readonly where: { readonly socketPath: string } | { readonly hostname: string; readonly port: string };
  readonly host: string;
  readonly path: string;
}

const fail = thrower(TELEMETRY_ERRORS);

/**
 * A sender over HTTP, one connection a request: exports are rare, and so nothing is held that must be closed.
 * @throws MISCONFIGURED when the URL is none that `OtlpOptions` describes
 */
export function otlpSender(options: {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}): OtlpSend {
  const target = parseTarget(options.url);
  return (json, signal) =>
    new Promise((resolve, reject) => {
      const request = target.request({
        ...target.where,
        path: target.path,
        method: 'POST',
        agent: false,
        signal,
        headers: {
          ...options.headers,
          host: target.host,
          'content-type': 'application/json',
          'content-length': json.byteLength,
        },
      });
      request.on('error', (error) => {
        reject(fail('EXPORT_FAILED', `${options.url} can't be reached (${error.message}).`, { cause: error }));
      });
      request.on('response', (response) => {
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve();
          else reject(refusal(options.url, status));
        });
        response.resume();
      });
      request.end(json);
    });
}

function refusal(url: string, status: number): FairleadError {
  const kind = kindOfStatus(status);
  return kind === 'exhausted' || statusOf(kind) >= 500
    ? fail('EXPORT_FAILED', `${url} answered ${status}.`)
    : fail('EXPORT_REFUSED', `${url} answered ${status}; is it an OTLP/HTTP collector that takes JSON?`);
}

function parseTarget(url: string): Target {
  if (url.startsWith('unix:/')) {
    const rest = url.slice('unix:'.length);
    const colon = rest.lastIndexOf(':/');
    const socketPath = colon < 0 ? rest : rest.slice(0, colon);
    const path = tracesPath(colon < 0 ? '' : rest.slice(colon + 1));
    return { request: httpRequest, where: { socketPath }, host: 'localhost', path };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new FairleadError(
      CORE_ERRORS.MISCONFIGURED,
      'MISCONFIGURED',
      `The OTLP endpoint "${url}" is not a URL we can send to; give http://host:4318, https://… or unix:/path/to.sock.`,
    );
  }
  return {
    request: parsed.protocol === 'http:' ? httpRequest : httpsRequest,
    where: { hostname: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port: parsed.port },
    host: parsed.host,
    path: tracesPath(parsed.pathname),
  };
}

function tracesPath(base: string): string {
  const trimmed = base.replace(/\/+$/, '');
  return trimmed.endsWith('/v1/traces') ? trimmed : `${trimmed}/v1/traces`;
}
