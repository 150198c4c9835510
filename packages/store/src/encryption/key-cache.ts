import type { KeyObject } from 'node:crypto';

/** A data key as it is known here. Destroyed ones are remembered, too: reading what they sealed asks nobody again. */
export type KnownKey =
  | { readonly kind: 'usable'; readonly tenant: string; readonly version: number; readonly key: KeyObject }
  | { readonly kind: 'destroyed'; readonly tenant: string; readonly version: number };

interface Entry {
  readonly known: KnownKey;
  readonly until: number;
}

/** Data keys in memory: at most so many, each for so long. The least recently used goes first. */
export class KeyCache {
  readonly #max: number;
  readonly #maxAgeMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(max: number, maxAgeMs: number) {
    this.#max = max;
    this.#maxAgeMs = maxAgeMs;
  }

  /** The key under a name, when it is not too old. `nowMs` is monotonic. */
  get(name: string, nowMs: number): KnownKey | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    if (entry.until <= nowMs) return undefined;
    this.#entries.set(name, entry);
    return entry.known;
  }

  set(name: string, known: KnownKey, nowMs: number): void {
    this.#entries.delete(name);
    this.#entries.set(name, { known, until: nowMs + this.#maxAgeMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#max) break;
      this.#entries.delete(oldest);
    }
  }

  /** Forgets all of a tenant's. */
  forget(tenant: string): void {
    for (const [name, { known }] of this.#entries) if (known.tenant === tenant) this.#entries.delete(name);
  }
}
