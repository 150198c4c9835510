/*
 * Replicas: read copies of what another service publishes. Around this file:
 *   broker-feed.ts    its events, through the broker      kept-replica.ts   as something that a keeper keeps
 * How builds are made, swapped and read is ../projection's.
 */
import type { Contract } from '@fairlead/contract';
import { projection } from '../projection/projection.ts';
import type { Projection, ProjectionDefinition, Target } from '../projection/projection-types.ts';

/** How `replica` is defined; see `ProjectionDefinition`. */
export type ReplicaDefinition<C extends Contract, T extends Target> = Pick<
  ProjectionDefinition<C, T>,
  'name' | 'version' | 'into' | 'on' | 'key'
> & {
  /** The contract whose events make it; the service `uses` it. */
  readonly of: C;
};

/** A replica; made by `replica`. */
export type Replica<C extends Contract = Contract, T extends Target = Target> = Pick<
  Projection<C, T>,
  'name' | 'version' | 'of' | 'into' | 'types' | 'keysOf' | 'step' | 'category'
> & { readonly shards: 1 };

/**
 * Says how a service keeps a copy of what another one publishes, in its own database, so that it can read it without a call: made of the
 * owner's events from the first on, eventually as new as they are. Nothing here writes to it but those events. List it in the
 * service's `replicas`, read it with `kit.view(it)`.
 * @throws MISCONFIGURED naming the option
 */
export function replica<C extends Contract, T extends Target>(definition: ReplicaDefinition<C, T>): Replica<C, T> {
  // The same rules, and nothing that only a log of its own has.
  const { name, version, of, into, on, key } = definition;
  const checked = projection<C, T>({ name, version, of, into, on, ...(key && { key }) });
  return Object.freeze({ ...checked, shards: 1 as const });
}
