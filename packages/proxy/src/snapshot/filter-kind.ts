import type { z } from 'zod';
import type { Filter, FilterWorld } from '../engine/filter.ts';

/** A kind of filter: how it is written, said and made. `filter-kinds.ts` lists them. */
export interface FilterKind<Spec = unknown> {
  /** What people write as `type`. */
  readonly type: string;
  /** Everything that may be written, `type` included. An object that refuses unknown keys. */
  readonly schema: z.ZodType<Spec>;
  /** Whether it says who asks, so that routes may match claims when it stands among the filters for all. Default no. */
  readonly identifies?: boolean;
  /** Whether it answers every request itself, so that its route needs no destination. Default no. */
  readonly answersAll?: boolean;
  /** What it does, in one sentence. */
  explain(spec: Spec): string;
  /** Made once for each route of a snapshot. */
  make(spec: Spec, world: FilterWorld): Filter;
}

/** What can be said of a kind of filter without making one. */
export type SayingKind = Pick<FilterKind, 'type' | 'explain'>;
