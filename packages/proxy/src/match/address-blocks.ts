import { BlockList, isIP } from 'node:net';

/** A set of addresses. */
export interface AddressBlocks {
  /** Whether the address is one of them. What is no address, such as the peer of a Unix socket, never is. */
  has(address: string): boolean;
}

/**
 * Makes the set of some addresses and CIDR blocks, of IPv4 and IPv6. An IPv4 address that is written as IPv6
 * (`::ffff:10.0.0.1`) is the IPv4 address.
 * @throws RangeError for one that is neither
 */
export function addressBlocks(blocks: readonly string[]): AddressBlocks {
  const list = new BlockList();
  for (const block of blocks) {
    const fault = blockFault(block);
    if (fault !== undefined) throw new RangeError(fault);
    const [address = '', bits] = block.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return {
    has(address) {
      const kind = isIP(address);
      return kind !== 0 && list.check(address, kind === 6 ? 'ipv6' : 'ipv4');
    },
  };
}

/** What is wrong with an address or CIDR block, or `undefined`. */
export function blockFault(block: string): string | undefined {
  const [address = '', bits, ...more] = block.split('/');
  const kind = isIP(address);
  const most = kind === 6 ? 128 : 32;
  const hasBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  if (kind !== 0 && hasBits && more.length === 0) return undefined;
  return `${JSON.stringify(block)} is neither an address nor a CIDR block; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32`;
}
