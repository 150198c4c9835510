import { request } from 'node:http';
import { errorFromProblem, FairleadError } from '@fairlead/core';
import type { OtlpTraces } from './plane/otlp.ts';
import type { TraceStoreCounts, TraceSummary } from './plane/trace-store.ts';
import type { InstanceStatus, TokenRequest } from './running-platform.ts';

/** Where the admin API is, and the right to use it. */
export interface AdminClientOptions {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly credential: string;
  /** How long an answer may take in milliseconds. Default 5 000; 0 is no limit. */
  readonly timeoutMs?: number;
}

/**
 * The admin API, typed. Every call rejects with the API's own code when it is refused, and with `UNAVAILABLE` when
 * nothing answers there.
 */
export interface AdminClient {
  services(): Promise<{ readonly platform: string; readonly services: readonly InstanceStatus[] }>;
  /** By trace id or request id. @throws TRACE_NOT_FOUND */
  trace(id: string): Promise<OtlpTraces>;
  /** The latest traces, newest first; `limit` at most 500. */
  traces(options: {
    readonly limit: number;
  }): Promise<{ readonly traces: readonly TraceSummary[]; readonly kept: TraceStoreCounts }>;
  /** @throws UNKNOWN_TENANT, INVALID_INPUT */
  token(request: TokenRequest): Promise<{ readonly token: string; readonly expiresAt: number }>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function exchange(
  options: AdminClientOptions,
  method: string,
  path: string,
  body: string | undefined,
): Promise<Answer> {
  const { timeoutMs = 5_000 } = options;
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${options.credential}`,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    };
    const sent = request(
      new URL(path, options.url),
      { method, agent: false, headers, timeout: timeoutMs },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FairleadError('bad-gateway', 'UNAVAILABLE', `What answers at ${url} is not the admin API of a platform.`);
  }
}

/** A client of the admin API; it holds no connection. */
export function adminClient(options: AdminClientOptions): AdminClient {
  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    let answer: Answer;
    try {
      answer = await exchange(options, method, path, body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FairleadError('unavailable', 'UNAVAILABLE', `The admin API at ${options.url} does not answer: ${why}`, {
        cause: error,
      });
    }
    const value = parsed(answer.body, options.url);
    if (answer.status < 300) return value;
    throw errorFromProblem(value, answer.status);
  }
  // The server is ours, of the same version, and its answers are fixed by ADMIN_OPERATIONS.
  return {
    services: () => call('GET', '/api/services') as ReturnType<AdminClient['services']>,
    trace: (id) => call('GET', `/api/traces/${encodeURIComponent(id)}`) as Promise<OtlpTraces>,
    traces: ({ limit }) => call('GET', `/api/traces?limit=${limit}`) as ReturnType<AdminClient['traces']>,
    token: (body) => call('POST', '/api/tokens', body) as ReturnType<AdminClient['token']>,
  };
}
