import type { Agent, request } from 'node:http';
import { CORE_ERRORS, FairleadError, kindOfStatus, onDemand, statusOf, thrower } from '@fairlead/core';
import { TELEMETRY_ERRORS } from './errors.ts';

/** Delivers one export request; rejects when it was not accepted. */
export type OtlpSend = (json: Uint8Array, signal: AbortSignal) => Promise<void>;

/** Delivers export requests to one collector. */
export interface OtlpSender {
  readonly send: OtlpSend;
  /** Lets go of its connection. */
  close(): void;
}

interface Target {
  readonly request: typeof request;
  readonly agent: Agent;
  readonly where: { readonly socketPath: string } | { readonly hostname: string; readonly port: string };
  readonly host: string;
  readonly path: string;
}

const fail = thrower(TELEMETRY_ERRORS);
/** One at a time is all that an exporter sends. A kept connection keeps no process alive. */
const CONNECTION = { keepAlive: true, maxSockets: 1 } as const;

/**
 * A sender over HTTP, which keeps its connection: opening one takes longer than sending a batch. When a kept connection
 * turns out to have ended, the request is sent again at once; a collector may then get it twice.
 * @throws MISCONFIGURED when the URL is none that `OtlpOptions` describes
 */
export function otlpSender(options: {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}): OtlpSender {
  const { request: open, agent, where, host, path } = parseTarget(options.url);

  function attempt(json: Uint8Array, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = open({
        ...where,
        path,
        method: 'POST',
        agent,
        signal,
        headers: {
          ...options.headers,
          host,
          'content-type': 'application/json',
          'content-length': json.byteLength,
        },
      });
      request.on('error', (error) => {
        // The collector closed it meanwhile, as it may.
        if (request.reusedSocket && !signal.aborted) attempt(json, signal).then(resolve, reject);
        else reject(fail('EXPORT_FAILED', `${options.url} can't be reached (${error.message}).`, { cause: error }));
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

  return { send: attempt, close: () => agent.destroy() };
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
    const agent = new onDemand.http.Agent(CONNECTION);
    return { request: onDemand.http.request, agent, where: { socketPath }, host: 'localhost', path };
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
    ...(parsed.protocol === 'http:'
      ? { request: onDemand.http.request, agent: new onDemand.http.Agent(CONNECTION) }
      : { request: onDemand.https.request, agent: new onDemand.https.Agent(CONNECTION) }),
    where: { hostname: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port: parsed.port },
    host: parsed.host,
    path: tracesPath(parsed.pathname),
  };
}

function tracesPath(base: string): string {
  const trimmed = base.replace(/\/+$/, '');
  return trimmed.endsWith('/v1/traces') ? trimmed : `${trimmed}/v1/traces`;
}
