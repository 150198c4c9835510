import { createHash } from 'node:crypto';
import type { Random } from '@fairlead/core';

/** A key as its owner gets it, once, and what is kept of it. */
export interface NewApiKey {
  /** What the owner sends; nobody can tell it from the hash. */
  readonly key: string;
  /** What is written into the configuration. */
  readonly hash: string;
}

const KEY_BYTES = 24;
const PREFIX = 'sha256:';

/** Makes a key of 192 random bits, so that a plain hash of it is as good as a slow one. */
export function newApiKey(random: Random): NewApiKey {
  const key = Buffer.from(random.bytes(KEY_BYTES)).toString('base64url');
  return { key, hash: apiKeyHash(key) };
}

/** What is kept of a key. */
export function apiKeyHash(key: string): string {
  return `${PREFIX}${createHash('sha256').update(key).digest('hex')}`;
}
