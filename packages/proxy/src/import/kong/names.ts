const MOST_LENGTH = 63;

/** Names as ours are made of, each given once. */
export class Names {
  readonly #given = new Set<string>();

  /** A name that nobody has, as much like `wanted` as ours may be. */
  give(wanted: string): string {
    const plain =
      wanted
        .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, MOST_LENGTH) || 'unnamed';
    let name = plain;
    for (let count = 2; this.#given.has(name); count += 1) {
      const suffix = `-${count}`;
      name = plain.slice(0, MOST_LENGTH - suffix.length) + suffix;
    }
    this.#given.add(name);
    return name;
  }
}
