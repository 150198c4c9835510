import type { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { Filter, FilterWorld } from '../engine/filter.ts';

/** A cluster that is named, and where. */
export interface ClusterReference {
  readonly cluster: string;
  readonly path: readonly (string | number)[];
}

/** A kind of filter: how it is written, said and made. `kind-table.ts` lists them. */
export interface FilterKind<Spec = unknown> {
  /** What people write as `type`. */
  readonly type: string;
  /** Everything that may be written, `type` included. An object that refuses unknown keys. */
  readonly schema: z.ZodType<Spec>;
  /** The same, for a kind with filters inside: made with their form. Default: `schema`, and there are none. */
  within?(inner: z.ZodType<FilterSpec>): z.ZodType<Spec>;
  /** Whether it says who asks, so that routes may match claims when it stands among the filters for all. Default no. */
  readonly identifies?: boolean;
  /** Whether it answers every request itself, so that its route needs no destination. Default no. */
  readonly answersAll?: boolean;
  /**
   * Whether it needs nothing of who asks, so that in a platform's gateway it stands before the token is looked at. Default no.
   */
  isAtDoor?(spec: Spec): boolean;
  /**
   * Clusters that it names: those that the snapshot does not have are a problem where `path` says, within what was written.
   * `inside` tells those of a filter within this one. Default none.
   */
  clusters?(spec: Spec, inside: (filter: FilterSpec) => readonly ClusterReference[]): readonly ClusterReference[];
  /**
   * Texts among its options that are no secret, by their paths, such as `users.*.name` (see `isOpenText`): operators are shown them, and
   * problems may quote them. Numbers and yes or no always are. Default none, so that what nobody has thought of is withheld.
   */
  readonly open?: readonly string[];
  /**
   * Fields of the request that goes on which are its own: what only it says there, and credentials that are for it only. `any-of` leaves
   * out those of clients, whichever of its filters it is that proves who asks. Default none.
   */
  owns?(spec: Spec): readonly string[];
  /** The same options, with the files that they name looked for in `folder`. Default: it names none. */
  beside?(spec: Spec, folder: string): Spec;
  /** Options that are lists of filters within this one, by their paths, as in `open`; a request meets one of them at most. Default none. */
  readonly nested?: readonly string[];
  /** What it does, in one sentence; without what is not open. */
  explain(spec: Spec): string;
  /** Made once for each route of a snapshot. */
  make(spec: Spec, world: FilterWorld): Filter;
}

/** What can be said of a kind of filter without making one. */
export type SayingKind = Pick<FilterKind, 'type' | 'explain'>;
