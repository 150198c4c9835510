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

/**
 * Verified tokens, so that a signature is checked once. Holds at most `maxTokens` (0 keeps none), in two generations: when
 * the young one is half of that, it becomes the old one, and what was not asked for meanwhile is forgotten.
 */
export class VerifiedTokens {
  readonly #halfTokens: number;
  #young = new Map<string, VerifiedToken>();
  #old = new Map<string, VerifiedToken>();

  constructor(maxTokens: number) {
    this.#halfTokens = Math.ceil(maxTokens / 2);
  }

  /** Tokens that are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The token's, while it is valid at `nowMs`. */
  get(token: string, nowMs: number): VerifiedToken | undefined {
    let found = this.#young.get(token);
    if (found === undefined) {
      found = this.#old.get(token);
      if (found === undefined) return undefined;
      this.#old.delete(token);
      this.set(token, found);
    }
    if (nowMs < found.expiresAt && nowMs >= found.notBefore) return found;
    this.#young.delete(token);
    return undefined;
  }

  set(token: string, verified: VerifiedToken): void {
    if (this.#halfTokens === 0) return;
    if (this.#young.size >= this.#halfTokens) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(token, verified);
  }

  /** Forgets all: after a change of keys nothing that was verified before counts. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
