import type { Fields } from '@fairlead/net';
import { addressBlocks, type AddressBlocks } from '../match/address-blocks.ts';
import type { CompiledListener } from '../snapshot/compiled-snapshot.ts';

/** A listener, as its requests see it. */
export class LiveListener {
  readonly name: string;
  /** Whether nobody who stands before us is believed. */
  readonly trustsNobody: boolean;
  readonly #trusted: AddressBlocks;

  constructor({ name, trustedProxies }: Pick<CompiledListener, 'name' | 'trustedProxies'>) {
    this.name = name;
    this.trustsNobody = trustedProxies.length === 0;
    this.#trusted = addressBlocks(trustedProxies);
  }

  /**
   * Who asks: of `X-Forwarded-For`, read from its end, the first who is not trusted; anybody could have written what comes
   * before that.
   */
  clientOf(peerAddress: string, fields: Fields): string {
    let client = peerAddress;
    const chain = fields.get('x-forwarded-for')?.split(',') ?? [];
    while (this.#trusted.has(client)) {
      const before = withoutPort(chain.pop()?.trim() ?? '');
      if (before === '') break;
      client = before;
    }
    return client;
  }
}

/** Some load balancers name the port, too, which is another one for each connection of the same client. */
function withoutPort(text: string): string {
  const [, ipv4, ipv6] = /^(?:(\d+\.\d+\.\d+\.\d+):\d+|\[([\d:.a-f]+)\](?::\d+)?)$/i.exec(text) ?? [];
  return ipv4 ?? ipv6 ?? text;
}
