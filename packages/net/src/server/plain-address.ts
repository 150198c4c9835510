const MAPPED = '::ffff:';

/** An address of IPv4 as it is written, also where a socket that takes both kinds shows it as one of IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}
