import type { Closeable } from '@fairlead/core';
import type { ClusterEndpoint } from './cluster-types.ts';

/** Who is told what discovery knows. */
export interface DiscoveryListener {
  /** All that there are now; an empty list is an answer, too. */
  onEndpoints(endpoints: readonly ClusterEndpoint[]): void;
  /** Nothing new could be found out, and it is being tried again: what was known stays. */
  onFailure(why: string): void;
}

/** Where the endpoints of a cluster are known. */
export interface Discovery {
  /** Tells what it knows, as soon as it does and whenever that changes, until it is closed. Throws nothing, neither now nor later. */
  watch(listener: DiscoveryListener): Closeable;
}

/** Endpoints that don't change. */
export function staticEndpoints(endpoints: readonly ClusterEndpoint[]): Discovery {
  return {
    watch(listener) {
      listener.onEndpoints(endpoints);
      return { close: async () => {}, [Symbol.asyncDispose]: async () => {} };
    },
  };
}
