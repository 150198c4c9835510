import { z } from 'zod';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import type { BodySink, BodyStage, Filter, FilterWorld } from './filter.ts';

/** A kind of filter for one test. */
export function filterOf(type: string, make: (world: FilterWorld) => Partial<Filter>): FilterKind {
  return {
    type,
    schema: z.strictObject({ type: z.literal(type) }),
    explain: () => 'is tested',
    make: (_spec, world) => ({ type, ...make(world) }),
  };
}

/** A stage that gives on what it gets, but for what is said otherwise. */
export function passing(next: BodySink, source: { room(): void }, but: Partial<BodyStage> = {}): BodyStage {
  return {
    part: (part) => next.part(part),
    end: (trailers) => next.end(trailers),
    cut: () => {},
    room: () => source.room(),
    ...but,
  };
}
