import type { Identity } from '../../engine/filter.ts';
import { isToldApart, type KeySettings } from './cache-key.ts';
import type { StorageSettings } from './storability.ts';

/** How a cache is used on a route. */
export interface CacheSettings extends StorageSettings {
  readonly key: KeySettings;
  /** Whether answers to whom `key.per` tells apart are stored as those to nobody in particular are. */
  readonly withIdentified: boolean;
  /** Whether what requests say in `Cache-Control` counts. */
  readonly obeysRequests: boolean;
  /** How long a request waits for the answer to another one, in milliseconds; 0: not at all. */
  readonly waitMs: number;
  /** What the cache calls itself in `Cache-Status`. */
  readonly name: string;
  readonly maxObjectBytes: number;
}

/**
 * Whether an answer is to somebody: then it is stored only if it says that it may be. Where answers are kept for each tenant or subject
 * apart, and the configuration says so, those of who has one need not.
 */
export function isIdentified(
  identity: Identity | undefined,
  hasAuthorization: boolean,
  { withIdentified, key }: Pick<CacheSettings, 'withIdentified' | 'key'>,
): boolean {
  if (withIdentified && isToldApart(identity, key)) return false;
  return hasAuthorization || identity !== undefined;
}
