/** An address of a host. */
export interface ResolvedAddress {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** How long it may be believed, in seconds; `undefined` when whoever knows it doesn't say. */
  readonly ttlSeconds: number | undefined;
}

/** Where a service is, as an SRV record says it (RFC 2782). */
export interface ResolvedService {
  readonly host: string;
  readonly port: number;
  /** The lowest is asked first. */
  readonly priority: number;
  readonly weight: number;
}

/** Names and addresses, as a port. */
export interface Resolver {
  /** All addresses of a host; an empty list when it has none. Rejects when that can't be found out. */
  addresses(host: string): Promise<readonly ResolvedAddress[]>;
  /** All records of a name; an empty list when there are none. Rejects when that can't be found out. */
  services(name: string): Promise<readonly ResolvedService[]>;
}
