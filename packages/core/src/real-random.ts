import type { Random } from './random.ts';

const STOCK_BYTES = 4096;
const MOST_FROM_STOCK = 64;

/**
 * The machine's randomness. For process entry points; everything else is given a Random.
 * `bytes` is cryptographically strong; `next` is fast and not for secrets.
 */
export function realRandom(): Random {
  // Asking the generator costs a microsecond, however little is asked for, so it is asked for a stock. What has been
  // given out is wiped from it.
  const stock = new Uint8Array(STOCK_BYTES);
  let used = STOCK_BYTES;
  return {
    next: () => Math.random(),
    bytes(length) {
      if (length > MOST_FROM_STOCK) return crypto.getRandomValues(new Uint8Array(length));
      if (used + length > STOCK_BYTES) {
        crypto.getRandomValues(stock);
        used = 0;
      }
      const bytes = stock.slice(used, used + length);
      stock.fill(0, used, used + length);
      used += length;
      return bytes;
    },
  };
}
