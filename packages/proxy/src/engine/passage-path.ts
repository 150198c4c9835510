import { readTarget } from '../match/request-target.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

/**
 * Why a path could be read in more than one way; `undefined` for nearly all, which hold no escape, no empty segment and
 * none that begins with a dot, and are seen to be so in one pass.
 */
export function pathFault(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return path === '*' ? undefined : 'it must begin with /';
  let before = 0;
  for (let at = 0; at < path.length; at += 1) {
    const octet = path.charCodeAt(at);
    if (octet === PERCENT || (before === SLASH && (octet === SLASH || octet === DOT))) return faultOf(path);
    before = octet;
  }
  return undefined;
}

function faultOf(path: string): string | undefined {
  const read = readTarget(path);
  return read.kind === 'ambiguous' ? read.reason : undefined;
}
