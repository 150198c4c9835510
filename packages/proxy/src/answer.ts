import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FairleadError, formatTraceparent, PROBLEM_CONTENT_TYPE, toProblem } from '@fairlead/core';
import type { Clock, Context } from '@fairlead/core';
import { STATUS_OVERRIDES } from './errors.ts';

/** A problem document with its headers. */
export interface ProblemAnswer {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What every answer of the gateway carries, so that it can be looked up. */
export function traceHeaders(ctx: Context): Record<string, string> {
  return { traceparent: formatTraceparent(ctx.trace), 'x-request-id': ctx.requestId };
}

/** A failure as a problem document (RFC 9457), with the headers that its status asks for. */
export function problemAnswer(ctx: Context, error: unknown, instance: string | undefined): ProblemAnswer {
  const problem = toProblem(error, { instance, traceId: ctx.trace.traceId });
  const status = STATUS_OVERRIDES[problem.code] ?? problem.status;
  const body = JSON.stringify({ ...problem, status });
  const headers: Record<string, string> = {
    ...traceHeaders(ctx),
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  if (error instanceof FairleadError) {
    const { retryAfterMs, details } = error;
    if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
    if (Array.isArray(details['allow'])) headers['allow'] = details['allow'].join(', ');
  }
  const challenge = challengeFor(problem.code, problem.detail);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  return { status, code: problem.code, headers, body };
}

/**
 * Sends a problem document, if nothing has been sent yet; else the connection is cut, which is all that can still tell of
 * it. Resolves when the answer has left or the connection is gone.
 */
export function sendProblem(response: ServerResponse, answer: ProblemAnswer): Promise<void> {
  return new Promise((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
    if (response.destroyed) resolve();
    else if (response.headersSent) response.destroy();
    else
      response.writeHead(answer.status, answer.headers).end(response.req.method === 'HEAD' ? undefined : answer.body);
  });
}

/** The answer as bytes, for a connection whose request could not be parsed at all. */
export function rawAnswer({ status, headers, body }: ProblemAnswer): string {
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** How much of a refused body is still read, so that the caller gets to see the answer before the connection goes. */
const LINGER = { maxBytes: 8 * 1024 * 1024, maxMs: 2_000 };

/**
 * After an answer that came before the request's end: reads the rest and throws it away, within bounds; beyond them the
 * connection is cut.
 */
export function discardRest(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  let left = LINGER.maxBytes;
  const timer = clock.setTimer(LINGER.maxMs, () => request.destroy());
  request.on('error', () => undefined);
  request.on('close', () => timer.cancel());
  request.on('end', () => timer.cancel());
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}

/** RFC 6750, section 3. */
function challengeFor(code: string, detail: string | undefined): string | undefined {
  if (code === 'TOKEN_MISSING') return 'Bearer';
  const description = (detail ?? '').replaceAll(/["\\]/g, "'");
  if (code === 'TOKEN_INVALID' || code === 'TOKEN_EXPIRED')
    return `Bearer error="invalid_token", error_description="${description}"`;
  if (code === 'FORBIDDEN') return `Bearer error="insufficient_scope", error_description="${description}"`;
  return undefined;
}
