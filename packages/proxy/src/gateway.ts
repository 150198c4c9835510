import type { Closeable } from '@fairlead/core';
import type { GatewayOptions } from './options.ts';

/** A gateway that listens. */
export interface Gateway extends Closeable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
}

/** Starts a gateway. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  throw new Error(`${options.issuer}: not built yet`);
}
