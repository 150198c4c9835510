import { isIPv6 } from 'node:net';
import { z } from 'zod';
import type { Passage } from '../engine/filter.ts';
import { subjectKey } from '../engine/proven-identity.ts';
import { fieldName } from '../snapshot/names.ts';
import { claimAt, claimText } from './claims.ts';

const name = z.string().min(1);

/** Who or what requests are told apart by, as it is written down. */
export const whoSchema = z.union([
  z.enum(['ip', 'consumer', 'subject', 'tenant', 'host', 'route']),
  z.strictObject({ header: fieldName }),
  z.strictObject({ cookie: name }),
  z.strictObject({ claim: name }),
  z.strictObject({ path: z.string().startsWith('/', 'must begin with /') }),
]);

/** One of `whoSchema`, or several, of which the first counts that a request has. */
export const whoeverSchema = z.union([whoSchema, z.array(whoSchema).min(1)]);

/** As `whoSchema` reads it. */
export type Who = z.output<typeof whoSchema>;

/** As `whoeverSchema` reads it. */
export type Whoever = z.output<typeof whoeverSchema>;

/** How many leading bits of an address are one client. */
export interface ClientPrefixes {
  /** Of 32. */
  readonly ipv4: number;
  /** Of 128: providers give each customer a /64 at least. */
  readonly ipv6: number;
}

/** By what a passage is told apart; empty when it has none of it. */
export function whoIs(passage: Passage, who: Who, prefixes: ClientPrefixes): string {
  if (typeof who !== 'string') {
    if ('header' in who) return passage.fields.get(who.header) ?? '';
    if ('path' in who) return passage.path === who.path ? who.path : '';
    if ('cookie' in who) return cookieOf(passage.fields.get('cookie') ?? '', who.cookie) ?? '';
    return claimText(passage.identity && claimAt(passage.identity.claims, who.claim)) ?? '';
  }
  switch (who) {
    case 'ip':
      return clientOf(passage.clientAddress, prefixes);
    case 'consumer':
      return passage.identity?.consumer ?? '';
    case 'subject':
      return subjectKey(passage.identity);
    case 'tenant':
      return passage.identity?.tenant ?? '';
    case 'host':
      return passage.host;
    case 'route':
      return 'all';
  }
}

/** The same of several: what is alike in two of them is not taken for one. */
export function whoeverIs(passage: Passage, whoever: Whoever, prefixes: ClientPrefixes): string {
  if (!Array.isArray(whoever)) return whoIs(passage, whoever, prefixes);
  for (const [at, who] of whoever.entries()) {
    const found = whoIs(passage, who, prefixes);
    if (found !== '') return `${at}:${found}`;
  }
  return '';
}

/** The part of an address that is one client's. */
export function clientOf(address: string, { ipv4, ipv6 }: ClientPrefixes): string {
  const mapped = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!isIPv6(mapped))
    return ipv4 === 32 || !mapped.includes('.') ? mapped : leadingBits(mapped.split('.').map(Number), 8, ipv4);
  return leadingBits(groupsOf(mapped), 16, ipv6);
}

function leadingBits(parts: readonly number[], width: number, bits: number): string {
  const kept = parts.map((part, at) => {
    const left = Math.min(width, Math.max(0, bits - at * width));
    return part & ~((1 << (width - left)) - 1);
  });
  return `${kept.map((part) => part.toString(16)).join(':')}/${bits}`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16));
}

/** The first cookie of a name (RFC 6265, section 5.4). */
export function cookieOf(cookies: string, cookie: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === cookie) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** As people read it. */
export function whoText(who: Whoever): string {
  if (Array.isArray(who)) return who.map((each) => whoText(each)).join(', else ');
  if (typeof who === 'string') return who;
  if ('header' in who) return `header ${who.header}`;
  if ('path' in who) return `path ${who.path}`;
  return 'cookie' in who ? `cookie ${who.cookie}` : `claim ${who.claim}`;
}
