import { linearPattern, type LinearPattern } from './linear-pattern.ts';

/** Host names that are asked for again and again; strangers may send any, so it is bounded. */
const MOST_REMEMBERED = 1_024;

/**
 * Which values a host has, the most specific first: those of its name, of names with a wildcard before them from the longest on,
 * then of names with a wildcard behind them from the longest on, of expressions in their order, and those of any host.
 */
export class HostIndex<Value> {
  readonly #exact: ReadonlyMap<string, Value>;
  /** By the name behind `*`, which begins with a dot. */
  readonly #wildcards: ReadonlyMap<string, Value>;
  /** By the name before `*`, which ends with a dot; the longest first. */
  readonly #endings: readonly (readonly [beginning: string, value: Value])[];
  readonly #patterns: readonly (readonly [pattern: LinearPattern, value: Value])[];
  readonly #any: readonly Value[];
  readonly #remembered = new Map<string, readonly Value[]>();

  /**
   * @param values by host name, `*.` and a name, a name and `.*`, `~` and an expression, or `*` for any
   * @throws RangeError for an expression that isn't RE2's
   */
  constructor(values: ReadonlyMap<string, Value>) {
    const entries = [...values];
    this.#exact = new Map(entries.filter(([host]) => !/^[*~]|\*$/.test(host)));
    this.#wildcards = new Map(
      entries.filter(([host]) => host.startsWith('*.')).map(([host, value]) => [host.slice(1), value]),
    );
    this.#endings = entries
      .filter(([host]) => host.endsWith('.*') && !host.startsWith('~'))
      .map(([host, value]) => [host.slice(0, -1), value] as const)
      .toSorted(([a], [b]) => b.length - a.length);
    this.#patterns = entries
      .filter(([host]) => host.startsWith('~'))
      .map(([host, value]) => [linearPattern(host.slice(1)), value] as const);
    this.#any = entries.filter(([host]) => host === '*').map(([, value]) => value);
  }

  /** @param host lower-case, without port */
  get(host: string): readonly Value[] {
    const names = this.#exact.size + this.#wildcards.size + this.#endings.length + this.#patterns.length;
    if (names === 0) return this.#any;
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
    for (const [beginning, value] of this.#endings) {
      if (host.startsWith(beginning) && host.length > beginning.length) found.push(value);
    }
    for (const [pattern, value] of this.#patterns) if (pattern.matches(host)) found.push(value);
    return [...found, ...this.#any];
  }
}
