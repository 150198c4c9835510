import { fail } from '../errors.ts';
import { statusLine } from '../http1/head-writer.ts';
import { fieldLine } from './field-text.ts';

/** The head of a stream's answer in HTTP/1.1, and how its body goes on. */
export interface StreamAnswer {
  /** Latin1 text, the empty line included. */
  readonly head: string;
  readonly isProvisional: boolean;
  /** Whether the body goes in chunks: nobody has said how long it is, or trailers may follow. */
  readonly isChunked: boolean;
  /** The body's length in bytes; −1 when nobody has said it. */
  readonly bodyBytes: number;
}

/** What frames a message in HTTP/1.1 and has no place in HTTP/2 (RFC 9113, section 8.2.2). */
const LEFT_OUT = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']);
const SWITCHING = 101;

/**
 * Writes the answer of a stream, names and values by turns, as one of HTTP/1.1, so that the same strict reader judges it.
 * `isWhole`: nothing follows.
 * @throws HTTP_MALFORMED when it has no status, one that HTTP/2 has not, or a value with a line end
 */
export function streamAnswer(list: readonly string[], method: string, isWhole: boolean): StreamAnswer {
  const status = list[0] === ':status' ? Number(list[1]) : 0;
  if (!Number.isInteger(status) || status < 100 || status > 599 || status === SWITCHING)
    throw fail('HTTP_MALFORMED', 'The stream has no status that HTTP/2 knows.');
  const isProvisional = status < 200;
  const isBodiless = isProvisional || method === 'HEAD' || status === 204 || status === 304;
  let lines = '';
  let length: string | undefined;
  let isGrpc = false;
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    const value = list[at + 1] ?? '';
    if (name.startsWith(':') || LEFT_OUT.has(name)) continue;
    if (name === 'content-length') {
      if (length !== undefined) throw fail('HTTP_MALFORMED', 'The stream has more than one Content-Length.');
      length = value;
      continue;
    }
    if (name === 'content-type') isGrpc = value.startsWith('application/grpc');
    lines += fieldLine(name, value);
  }
  // Trailers follow chunks only, and those of gRPC say how it ended.
  const isChunked = !isBodiless && !isWhole && (length === undefined || isGrpc);
  let framing = '';
  if (isChunked) framing = 'transfer-encoding: chunked\r\n';
  else if (length !== undefined && !isProvisional && status !== 204) framing = fieldLine('content-length', length);
  else if (!isBodiless) framing = 'content-length: 0\r\n';
  const bodyBytes = isBodiless || isWhole ? 0 : isChunked ? -1 : Number(length);
  return { isProvisional, isChunked, bodyBytes, head: `${statusLine(status)}${lines}${framing}\r\n` };
}
