import { createHash } from 'node:crypto';
import type { Random } from './random.ts';

/** A reproducible source that can be divided. */
export interface SeededRandom extends Random {
  /**
   * An independent source for one purpose. It depends on the seed and the purpose only, not on what has been drawn, so
   * that one more draw in one place doesn't change all the others.
   */
  fork(purpose: string): SeededRandom;
}

/**
 * A source that gives the same numbers for the same seed, on every machine. Not for secrets.
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded with SHA-256 of the seed's text; 1 and '1' are the
 * same seed.
 */
export function seededRandom(seed: number | string): SeededRandom {
  const digest = createHash('sha256').update(String(seed)).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = 1;

  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next32();

  return {
    next: () => ((next32() >>> 5) * 2 ** 26 + (next32() >>> 6)) / 2 ** 53,
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = next32();
        for (let k = 0; k < 4 && at + k < length; k++) bytes[at + k] = word >>> (8 * k);
      }
      return bytes;
    },
    fork: (purpose) => seededRandom(`${seed}\u0000${purpose}`),
  };
}
