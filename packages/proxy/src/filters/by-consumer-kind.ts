import { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { AnswerHead, Filter, FilterFactory, FilterWorld, Passage, Revision, Verdict } from '../engine/filter.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';

const plain = z
  .looseObject({ type: z.string() })
  .meta({ filter: true })
  .transform((written): FilterSpec => written);

/** With the form of the filters that may stand inside. */
function form(inner: z.ZodType<FilterSpec>) {
  const filters = z.array(inner);
  return z
    .strictObject({
      type: z.literal('by-consumer'),
      cases: z
        .array(z.strictObject({ consumers: z.array(z.string().min(1)).min(1), filters }))
        .min(1)
        .describe('Filters for some consumers, in place of those for others.'),
      otherwise: filters.optional().describe('For everybody else, and for nobody in particular. Default none.'),
    })
    .superRefine(({ cases }, context) => {
      const seen = new Set<string>();
      for (const [at, { consumers }] of cases.entries())
        for (const [index, name] of consumers.entries()) {
          if (seen.has(name))
            context.addIssue({
              code: 'custom',
              path: ['cases', at, 'consumers', index],
              message: `${name} has filters of its own already`,
            });
          seen.add(name);
        }
    });
}

type ByConsumerSpec = z.output<ReturnType<typeof form>>;

/** Other filters for some of those who ask. Who it is must be proved by filters before it. */
const make: FilterFactory<ByConsumerSpec> = ({ cases, otherwise = [] }, world) => {
  const byName = new Map<string, FilterLine>();
  for (const { consumers, filters } of cases) {
    const line = new FilterLine(filters, world);
    for (const name of consumers) byName.set(name, line);
  }
  const others = new FilterLine(otherwise, world);
  /** Whose filters a request has met: another filter may say later who asks. */
  const met = new WeakMap<Passage, FilterLine>();
  const all = [...new Set(byName.values()), others];
  const filter: Filter = {
    type: 'by-consumer',
    request(passage) {
      const line = byName.get(passage.identity?.consumer ?? '') ?? others;
      met.set(passage, line);
      return line.request(passage, 0);
    },
    ended(passage, outcome) {
      for (const each of met.get(passage)?.filters ?? []) each.ended?.(passage, outcome);
    },
    answer(passage, status) {
      for (const each of met.get(passage)?.filters ?? []) each.answer?.(passage, status);
    },
  };
  if (all.some((line) => line.isRevising)) filter.revise = (passage, head) => met.get(passage)?.revise(passage, head);
  return filter;
};

/** Filters one after the other. */
class FilterLine {
  readonly filters: readonly Filter[];

  constructor(specs: readonly FilterSpec[], world: FilterWorld) {
    this.filters = specs.map((spec) => world.make(spec));
  }

  get isRevising(): boolean {
    return this.filters.some((each) => each.revise !== undefined);
  }

  request(passage: Passage, from: number): Verdict | Promise<Verdict> {
    for (let at = from; at < this.filters.length; at += 1) {
      const verdict = this.filters[at]?.request?.(passage);
      if (verdict === undefined) continue;
      if (!(verdict instanceof Promise)) return verdict;
      return verdict.then((said) => said ?? this.request(passage, at + 1));
    }
    return undefined;
  }

  /** The revision of the one that has one; their kinds allow for no more. */
  revise(passage: Passage, head: AnswerHead): Revision | undefined {
    for (const each of this.filters.toReversed()) {
      const revision = each.revise?.(passage, head);
      if (revision !== undefined) return revision;
    }
    return undefined;
  }
}

/** `by-consumer`: other filters for some of those who ask. */
export const byConsumerKind: FilterKind<ByConsumerSpec> = {
  type: 'by-consumer',
  open: ['cases.*.consumers.*'],
  nested: ['cases.*.filters', 'otherwise'],
  schema: form(plain),
  within: form,
  clusters: ({ cases, otherwise = [] }, inside) => [
    ...cases.flatMap(({ filters }, at) =>
      filters.flatMap((each, index) =>
        inside(each).map(({ cluster, path }) => ({ cluster, path: ['cases', at, 'filters', index, ...path] })),
      ),
    ),
    ...otherwise.flatMap((each, index) =>
      inside(each).map(({ cluster, path }) => ({ cluster, path: ['otherwise', index, ...path] })),
    ),
  ],
  explain: ({ cases }) =>
    `has other filters for ${cases.map(({ consumers, filters }) => `${consumers.join(', ')} (${filters.map(({ type }) => type).join(', ') || 'none'})`).join('; ')}`,
  make,
};
