/** The most that goes over the wire, as W3C Baggage requires of everybody who forwards it. */
const MAX_BYTES = 8192;
const MAX_MEMBERS = 64;
const NO_MEMBERS: Readonly<Record<string, string>> = Object.freeze({});
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What percent-encoding leaves as it is; most names are nothing else. */
const UNRESERVED = /^[A-Za-z0-9._~!*'()-]*$/;
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * Reads a `baggage` header (https://www.w3.org/TR/baggage/). Members that are malformed are left out, and so are those
 * beyond 64 or beyond 8 192 bytes; of a repeated name the last counts. Properties of members are not kept.
 */
export function parseBaggage(header: string | undefined): Readonly<Record<string, string>> {
  if (header === undefined) return NO_MEMBERS;
  const members = new Map<string, string>();
  let at = 0;
  let count = 0;
  while (at < header.length && count < MAX_MEMBERS) {
    const comma = header.indexOf(',', at);
    const end = comma < 0 ? header.length : comma;
    if (end > MAX_BYTES) break;
    count++;
    const member = parseMember(header.slice(at, end));
    if (member !== undefined) members.set(member[0], member[1]);
    at = end + 1;
  }
  return Object.freeze(Object.fromEntries(members));
}

/**
 * The `baggage` header of these entries; `undefined` for none. Names that are not tokens are left out, and so is what
 * goes beyond 64 members or 8 192 bytes.
 */
export function formatBaggage(baggage: Readonly<Record<string, string>>): string | undefined {
  if (baggage === NO_MEMBERS) return undefined;
  const members: string[] = [];
  let bytes = 0;
  for (const [name, value] of Object.entries(baggage)) {
    if (!TOKEN.test(name)) continue;
    const member = `${name}=${encode(value)}`;
    const withComma = member.length + (members.length > 0 ? 1 : 0);
    if (members.length === MAX_MEMBERS || bytes + withComma > MAX_BYTES) break;
    members.push(member);
    bytes += withComma;
  }
  return members.length === 0 ? undefined : members.join(',');
}

/** Percent-encodes as `encodeURIComponent`; a lone surrogate, which that refuses, becomes U+FFFD. */
export function encode(text: string): string {
  return UNRESERVED.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

/** Undoes `encode`; `undefined` when the text is not percent-encoded UTF-8. */
export function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseMember(text: string): [string, string] | undefined {
  const semicolon = text.indexOf(';');
  const pair = semicolon < 0 ? text : text.slice(0, semicolon);
  const equals = pair.indexOf('=');
  if (equals < 0) return undefined;
  const name = pair.slice(0, equals).trim();
  const raw = pair.slice(equals + 1).trim();
  if (!TOKEN.test(name) || !VALUE.test(raw)) return undefined;
  const value = decode(raw);
  return value === undefined ? undefined : [name, value];
}
