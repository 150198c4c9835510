import { onDemand } from '@fairlead/core';
import { fail } from '../errors.ts';

/** What is asked of an authority. */
export interface AcmeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  /** A signed object (JWS), as JSON. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** What it answers. */
export interface AcmeAnswer {
  readonly status: number;
  /** Of a name in lower case. */
  field(name: string): string | undefined;
  readonly body: string;
}

/** How an authority is asked. Rejects with ACME_UNREACHABLE when no answer comes. */
export type AcmeTransport = (request: AcmeRequest) => Promise<AcmeAnswer>;

const MAX_BODY_BYTES = 1024 * 1024;
/** How long an authority may be silent. */
const SILENCE_MS = 30_000;

/**
 * Asks over HTTPS, on a connection for each request: a certificate takes ten of them in two months. Redirects are not followed.
 * @param authority certificates in PEM that the server's must be signed by; default those that the system trusts
 */
export function httpsTransport(authority: string | undefined): AcmeTransport {
  return ({ method, url, body, signal }) =>
    new Promise((resolve, reject) => {
      const unreachable = (cause: Error): void =>
        reject(fail('ACME_UNREACHABLE', `${new URL(url).origin} doesn't answer: ${cause.message}`, { cause }));
      const asked = onDemand.https.request(
        url,
        {
          method,
          signal,
          agent: false,
          timeout: SILENCE_MS,
          headers: {
            'user-agent': 'fairlead',
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/jose+json', 'content-length': Buffer.byteLength(body) }),
          },
          ...(authority === undefined ? {} : { ca: authority }),
        },
        (answer) => {
          const parts: Buffer[] = [];
          let bytes = 0;
          answer.on('data', (part: Buffer) => {
            bytes += part.length;
            if (bytes > MAX_BODY_BYTES) asked.destroy(new Error(`an answer of more than ${MAX_BODY_BYTES} bytes`));
            else parts.push(part);
          });
          answer.on('error', unreachable);
          answer.on('end', () => {
            const { statusCode = 0, headers } = answer;
            resolve({
              status: statusCode,
              field(name) {
                const value = headers[name];
                return Array.isArray(value) ? value.join(', ') : value;
              },
              body: Buffer.concat(parts).toString(),
            });
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error(`nothing was heard for ${SILENCE_MS / 1_000} s`)));
      asked.on('error', unreachable);
      asked.end(body);
    });
}
