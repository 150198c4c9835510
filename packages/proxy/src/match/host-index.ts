/** Host names that are asked for again and again; strangers may send any, so it is bounded. */
const MOST_REMEMBERED = 1_024;

/**
 * Which values a host has, the most specific first: those of its name, of names with a wildcard from the longest on, and
 * those of any host.
 */
export class HostIndex<Value> {
  readonly #exact: ReadonlyMap<string, Value>;
  /** By the name behind `*`, which begins with a dot. */
  readonly #wildcards: ReadonlyMap<string, Value>;
  readonly #any: readonly Value[];
  readonly #remembered = new Map<string, readonly Value[]>();

  /** @param values by host name, `*.` and a name, or `*` for any */
  constructor(values: ReadonlyMap<string, Value>) {
    const entries = [...values];
    this.#exact = new Map(entries.filter(([host]) => !host.startsWith('*')));
    this.#wildcards = new Map(
      entries.filter(([host]) => host.startsWith('*.')).map(([host, value]) => [host.slice(1), value]),
    );
    this.#any = entries.filter(([host]) => host === '*').map(([, value]) => value);
  }

  /** @param host lower-case, without port */
  get(host: string): readonly Value[] {
    if (this.#exact.size === 0 && this.#wildcards.size === 0) return this.#any;
    const known = this.#remembered.get(host);
    if (known !== undefined) return known;
    const found = this.#lookUp(host.endsWith('.') ? host.slice(0, -1) : host);
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(host, found);
    return found;
  }

  #lookUp(host: string): readonly Value[] {
    const found: Value[] = [];
    const exact = this.#exact.get(host);
    if (exact !== undefined) found.push(exact);
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = this.#wildcards.get(host.slice(dot));
      if (value !== undefined) found.push(value);
    }
    return [...found, ...this.#any];
  }
}
