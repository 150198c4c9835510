import type { KeySettings } from './cache-key.ts';
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
