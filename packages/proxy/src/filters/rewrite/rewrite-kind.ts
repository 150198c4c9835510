import { z } from 'zod';
import type { Filter, FilterFactory } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { ambiguousTarget } from './ambiguous-target.ts';
import { pathChange, pathChangeSchema, pathChangeWords } from './path-change.ts';
import { queryChange, queryChangeSchema } from './query-change.ts';

const schema = z
  .strictObject({
    type: z.literal('rewrite'),
    path: pathChangeSchema.optional().describe('What becomes of the path; of several rules, the first that fits.'),
    query: z
      .union([z.literal('drop'), queryChangeSchema])
      .optional()
      .describe('What becomes of the query; drop leaves it out.'),
  })
  .refine(({ path, query }) => path !== undefined || query !== undefined, { message: 'write path, query or both' });

type RewriteSpec = z.output<typeof schema>;

const make: FilterFactory<RewriteSpec> = ({ path, query }) => {
  const pathAfter = path && pathChange(path);
  const queryAfter = query === 'drop' ? () => '' : query && queryChange(query);
  const filter: Filter = {
    type: 'rewrite',
    request(passage) {
      const { upstreamTarget } = passage;
      const question = upstreamTarget.indexOf('?');
      const before = question === -1 ? upstreamTarget : upstreamTarget.slice(0, question);
      const asked = question === -1 ? '' : upstreamTarget.slice(question);
      const after = pathAfter?.(before) ?? before;
      if (typeof after !== 'string') return ambiguousTarget(after.ambiguous);
      passage.upstreamTarget = after + (before === '*' ? '' : (queryAfter?.(asked) ?? asked));
      return undefined;
    },
  };
  return filter;
};

const VERBS: Readonly<Record<string, string>> = {
  set: 'sets',
  add: 'adds',
  default: 'fills in',
  replace: 'replaces',
  rename: 'renames',
  remove: 'removes',
};

/** `rewrite`: the path and query that go on. */
export const rewriteKind: FilterKind<RewriteSpec> = {
  type: 'rewrite',
  open: ['path.*', 'path.*.*', 'query.remove.*', 'query.rename.*'],
  schema,
  explain: ({ path, query }) =>
    [
      ...(path === undefined ? [] : [pathChangeWords(path)]),
      ...(query === 'drop' ? ['leaves the query out'] : []),
      ...Object.entries(query === 'drop' ? {} : (query ?? {})).map(
        ([verb, names]) =>
          `${VERBS[verb] ?? verb} ${(Array.isArray(names) ? names : Object.keys(names ?? {})).join(', ')} of the query`,
      ),
    ].join(', '),
  make,
};
