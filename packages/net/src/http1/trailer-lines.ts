import type { FieldSieve } from './field-sieve.ts';
import type { Fields } from './fields.ts';

/**
 * What may only stand in a head (RFC 9110, section 6.5.1): it frames, routes, authenticates or negotiates, says how content or answer
 * are to be handled, or is a precondition. A reader that joins trailers with the head would believe it.
 */
const HEAD_ONLY = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'forwarded',
  'grpc-timeout',
  'idempotency-key',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'range',
  'referer',
  'retry-after',
  'set-cookie',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'x-real-ip',
]);
const HEAD_ONLY_PREFIXES = ['access-control-', 'if-', 'proxy-', 'sec-', 'x-forwarded-'];

/**
 * The trailers that may go on with a message, as whole lines. What a sieve drops of heads, it drops here; `edited` are
 * names that somebody on the way has set or left out, which a sender must not say again at the end.
 */
export function trailerLines(trailers: Fields, sieve: FieldSieve, edited?: { has(name: string): boolean }): string {
  const { list } = trailers;
  let lines = '';
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] ?? '';
    if (HEAD_ONLY.has(name) || sieve.drops(name) || edited?.has(name) === true) continue;
    if (HEAD_ONLY_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    lines += `${name}: ${list[at + 1] ?? ''}\r\n`;
  }
  return lines;
}
