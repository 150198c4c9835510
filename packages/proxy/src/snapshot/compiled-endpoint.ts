import type { Endpoint } from '@fairlead/net';

/** One endpoint of a cluster. */
export interface CompiledEndpoint {
  readonly endpoint: Endpoint;
  readonly weight: number;
  readonly zone: string | undefined;
}

/** Who answers for a cluster: a list that may be empty, or a name whose addresses are asked for again and again. */
export type CompiledEndpoints =
  | { readonly kind: 'listed'; readonly endpoints: readonly CompiledEndpoint[] }
  | { readonly kind: 'dns'; readonly host: string; readonly port: number; readonly isTls: boolean };
