import type { Random } from './random.ts';

/**
 * The machine's randomness. For process entry points; everything else is given a Random.
 * `bytes` is cryptographically strong; `next` is fast and not for secrets.
 */
export function realRandom(): Random {
  return {
    next: () => Math.random(),
    bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}
