const MOST_KNOWN = 1_024;

/** Hosts without their ports, lower-case. Those of a proxy are few, and asked for with every request. */
export class HostNames {
  readonly #known = new Map<string, string>();

  nameOf(host: string): string {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const name = host.replace(/:\d*$/, '').toLowerCase();
    if (this.#known.size < MOST_KNOWN) this.#known.set(host, name);
    return name;
  }
}
