interface Kept {
  readonly value: unknown;
  readonly claims: Set<object>;
}

/** State that outlives a change of the snapshot, for as long as some snapshot has asked for it. */
export class KeptState {
  readonly #values = new Map<string, Kept>();

  /** What is under `key`, made once; `claim` holds it. */
  of<T>(claim: object, key: string, make: () => T): T {
    const known = this.#values.get(key) ?? { value: make(), claims: new Set() };
    this.#values.set(key, known);
    known.claims.add(claim);
    // `as`: a key belongs to one kind of state, which is always made alike.
    return known.value as T;
  }

  /** Those whose key begins so. */
  valuesOf(prefix: string): readonly unknown[] {
    return [...this.#values].filter(([key]) => key.startsWith(prefix)).map(([, { value }]) => value);
  }

  /** What only `claim` held is closed, if it can be, and forgotten. */
  async release(claim: object): Promise<void> {
    const closing: unknown[] = [];
    for (const [key, { value, claims }] of this.#values) {
      if (!claims.delete(claim) || claims.size > 0) continue;
      this.#values.delete(key);
      if (isClosable(value)) closing.push(value.close());
    }
    await Promise.allSettled(closing);
  }
}

function isClosable(value: unknown): value is { close(): unknown } {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function';
}
