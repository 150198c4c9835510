import { fail } from '../errors.ts';

const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;
/** `host[:port]` of RFC 3986 without user information: a registered name or IPv4 address, or an address in brackets. */
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/** The usual hosts, which are the same in every request. */
const known = new Set<string>();
const MOST_KNOWN = 256;

/** Whether `text` can stand in `Host`. */
export function isAuthority(text: string): boolean {
  if (known.has(text)) return true;
  if (!AUTHORITY.test(text)) return false;
  if (known.size < MOST_KNOWN && text.length <= 64) known.add(text);
  return true;
}

/**
 * An absolute target, as proxies send it, in its parts.
 * @throws HTTP_MALFORMED when it is none of `http` or `https`
 */
export function splitAbsolute(target: string): { readonly authority: string; readonly rest: string } {
  const match = ABSOLUTE.exec(target);
  if (match === null) throw fail('HTTP_MALFORMED', 'The request\'s target neither begins with "/" nor is an http URL.');
  const rest = match[2] ?? '';
  return { authority: match[1] ?? '', rest: rest.startsWith('/') ? rest : `/${rest}` };
}
