import type { IncomingHttpHeaders } from 'node:http2';
import { fail } from '../errors.ts';
import { fieldLine, oneLine } from './field-text.ts';

/** The head of a stream's request in HTTP/1.1, and how its body goes on. */
export interface StreamRequest {
  readonly method: string;
  /** Latin1 text, the empty line included. */
  readonly head: string;
  /** Whether the body goes in chunks: nobody has said how long it is. */
  readonly isChunked: boolean;
}

/** What frames a message in HTTP/1.1 and has no place in HTTP/2 (RFC 9113, section 8.2.2), or is said otherwise there. */
const LEFT_OUT = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const TAKES_TRAILERS = 'te: trailers\r\n';

/**
 * Writes the request of a stream as one of HTTP/1.1, so that the same strict reader judges it: what is no method, target, host
 * or field there is none here either. A line can't be broken out of, since the reader refuses control characters, and this
 * refuses what would be read as the end of one.
 * @throws HTTP_MALFORMED when pseudo-fields are missing, the host is said twice and differently, or a value has a line end
 */
export function streamRequest(headers: IncomingHttpHeaders, hasBody: boolean): StreamRequest {
  const { ':method': method, ':path': path, ':authority': authority, ':scheme': scheme, host } = headers;
  if (method === undefined || path === undefined || scheme === undefined)
    throw fail('HTTP_MALFORMED', 'The stream has no method, path or scheme.');
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    throw fail('HTTP_MALFORMED', "The stream's authority is not the one that Host names.");
  const length = headers['content-length'];
  const isChunked = hasBody && length === undefined;
  let lines = '';
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || LEFT_OUT.has(name)) continue;
    // Of `cookie` each pair may have come by itself (RFC 9113, section 8.2.3); Node joins them.
    for (const one of Array.isArray(value) ? value : [value]) lines += fieldLine(name, one);
  }
  // Nothing else may be said by it here (RFC 9113, section 8.2.2).
  if (headers.te === 'trailers') lines += TAKES_TRAILERS;
  const framing = isChunked ? 'transfer-encoding: chunked\r\n' : '';
  return {
    method,
    isChunked,
    head: `${oneLine(method)} ${oneLine(path)} HTTP/1.1\r\n${fieldLine('host', authority ?? host ?? '')}${lines}${framing}\r\n`,
  };
}
