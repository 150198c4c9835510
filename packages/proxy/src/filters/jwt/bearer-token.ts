import type { LocalAnswer } from '../../engine/filter.ts';
import { TOKEN_MISSING, tokenInvalid } from './jwt-fault.ts';

const MOST_TOKEN_LENGTH = 8 * 1024;
const BEARER = 'bearer ';
const MALFORMED = tokenInvalid('malformed', 'That is no signed JWT of a reasonable length.');
const SEVERAL = tokenInvalid('several', 'There is more than one token; send one.');

/** What follows `Bearer` in a field's value (RFC 6750, section 2.1), whatever it is. */
export function bearerText(value: string): string | LocalAnswer {
  if (value.slice(0, BEARER.length).toLowerCase() !== BEARER) {
    return value.toLowerCase() === 'bearer' ? MALFORMED : TOKEN_MISSING;
  }
  let start = BEARER.length;
  while (value.charCodeAt(start) === 0x20) start += 1;
  return value.slice(start);
}

/**
 * A token, as it is to be verified: three parts of base64url. The values of several lines of one field are joined by commas, and
 * refused.
 */
export function checkedToken(value: string): string | LocalAnswer {
  if (value.length > MOST_TOKEN_LENGTH) return MALFORMED;
  let dots = 0;
  let start = 0;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code === 0x2e) {
      if (!isWholeOctets(value, start, at)) return MALFORMED;
      dots += 1;
      start = at + 1;
    } else if (!isBase64Url(code)) return code === 0x2c ? SEVERAL : MALFORMED;
  }
  return dots === 2 && isWholeOctets(value, start, value.length) ? value : MALFORMED;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Whether a part's last character holds no bits beyond its octets: else one token could be written in several ways. */
function isWholeOctets(value: string, start: number, end: number): boolean {
  const beyond = (end - start) % 4;
  if (beyond === 0) return true;
  const bits = ALPHABET.indexOf(value.charAt(end - 1));
  return beyond === 2 ? bits % 16 === 0 : beyond === 3 && bits % 4 === 0;
}

function isBase64Url(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f;
}
