import { hashOf } from '@fairlead/net';
import type { Identity } from '../../engine/filter.ts';

/** A token whose signature and claims have been checked. */
export interface VerifiedToken {
  readonly identity: Identity;
  /** Milliseconds since the epoch: from then on it is expired. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch: before then it is not valid yet. */
  readonly notBefore: number;
  /** Values of the fields that go upstream, in the order of the filter's names; `undefined` where a claim is missing. */
  readonly upstream: readonly (string | undefined)[];
}

/** So many characters of a token's end tell it from others; to hash all of it each time, or a text of its end, takes longer. */
const END_LENGTH = 8;

interface Kept {
  readonly token: string;
  readonly verified: VerifiedToken;
}

/**
 * Verified tokens, so that a signature is checked once. They are found by a number of their end, which is the signature's, and compared
 * whole; of two with one number, of 2³², the later one is kept. That comparing ends at the first difference tells a stranger nothing
 * that he could hear: what differs is verified next, which takes hundreds of times as long. Holds at most `maxTokens` (0 keeps none), in two generations: when
 * the young one is half of that, it becomes the old one, and what was not asked for meanwhile is forgotten.
 */
export class VerifiedTokens {
  readonly #halfTokens: number;
  #young = new Map<number, Kept>();
  #old = new Map<number, Kept>();

  constructor(maxTokens: number) {
    this.#halfTokens = Math.ceil(maxTokens / 2);
  }

  /** Tokens that are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The token's, while it is valid at `nowMs`. */
  get(token: string, nowMs: number): VerifiedToken | undefined {
    const end = endOf(token);
    let found = this.#young.get(end);
    if (found === undefined) {
      found = this.#old.get(end);
      if (found === undefined) return undefined;
      this.#old.delete(end);
      this.#keep(end, found);
    }
    if (found.token !== token) return undefined;
    const { verified } = found;
    if (nowMs < verified.expiresAt && nowMs >= verified.notBefore) return verified;
    this.#young.delete(end);
    return undefined;
  }

  set(token: string, verified: VerifiedToken): void {
    // A text of its own, which keeps nothing else in memory.
    const own = Buffer.from(token, 'latin1').toString('latin1');
    this.#keep(endOf(token), { token: own, verified });
  }

  #keep(end: number, kept: Kept): void {
    if (this.#halfTokens === 0) return;
    if (this.#young.size >= this.#halfTokens) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(end, kept);
  }

  /** Forgets all: after a change of keys nothing that was verified before counts. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** A number of a token's end, small enough to be no object. */
function endOf(token: string): number {
  return hashOf(token.slice(-END_LENGTH)) | 0;
}
