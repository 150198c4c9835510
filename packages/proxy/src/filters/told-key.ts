import { createHash } from 'node:crypto';
import type { Whoever } from './who.ts';

/** Digits of a hash: enough to tell thousands of keys apart, and to find one's own. */
const DIGITS = 12;

/**
 * Whom a limit is of, for operators: addresses and names that were proved as they are. Values of headers, cookies and claims may be
 * what only their owner knows, so they are told as the beginning of their SHA-256, by which whoever has one finds it.
 */
export function toldKey(by: Whoever, key: string): string {
  if (Array.isArray(by)) {
    const [, at = '', found = key] = /^(\d+):(.*)$/s.exec(key) ?? [];
    const who = by[Number(at)];
    return who === undefined ? key : toldKey(who, found);
  }
  if (typeof by === 'string' || key === '') return key;
  return `sha256:${createHash('sha256').update(key).digest('hex').slice(0, DIGITS)}`;
}
