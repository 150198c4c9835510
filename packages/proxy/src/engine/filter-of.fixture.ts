import { z } from 'zod';
import { running } from './engine.fixture.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import type { BodySink, BodyStage, Filter, FilterWorld, LocalAnswer } from './filter.ts';

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

/** An answer of a filter's own. */
export const own = (status: number, body: LocalAnswer['body']): LocalAnswer => ({
  status,
  cause: 'ANSWERED_HERE',
  detail: 'It is tested.',
  ...(body === undefined ? {} : { body }),
});

/** An engine whose only route has these filters, in this order. */
export function behind(
  service: { readonly origin: string },
  filters: Readonly<Record<string, Partial<Filter>>>,
  more: object = {},
  listener: object = {},
) {
  const kinds = Object.entries(filters).map(([type, filter]) => filterOf(type, () => filter));
  return running(
    {
      clusters: { orders: { endpoints: [service.origin], ...more } },
      filters: kinds.map(({ type }) => ({ type })),
      listener,
    },
    { kinds },
  );
}
