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
    host: z
      .string()
      .regex(
        /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/,
        'write a host, such as shop.internal or shop.internal:8080',
      )
      .optional()
      .describe('What the upstream is told as Host. Default: the cluster’s own.'),
  })
  .refine(({ path, query, host }) => path !== undefined || query !== undefined || host !== undefined, {
    message: 'write path, query, host or several of them',
  });

type RewriteSpec = z.output<typeof schema>;

const make: FilterFactory<RewriteSpec> = ({ path, query, host }) => {
  const pathAfter = path && pathChange(path);
  const queryAfter = query === 'drop' ? () => '' : query && queryChange(query);
  const filter: Filter = {
    type: 'rewrite',
    request(passage) {
      if (host !== undefined) passage.upstreamHost = host;
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

/** `rewrite`: the path, query and host that go on. */
export const rewriteKind: FilterKind<RewriteSpec> = {
  type: 'rewrite',
  open: ['host', 'path.*', 'path.*.*', 'query.remove.*', 'query.rename.*'],
  schema,
  explain: ({ path, query, host }) =>
    [
      ...(host === undefined ? [] : [`says ${host} as the host`]),
      ...(path === undefined ? [] : [pathChangeWords(path)]),
      ...(query === 'drop' ? ['leaves the query out'] : []),
      ...Object.entries(query === 'drop' ? {} : (query ?? {})).map(
        ([verb, names]) =>
          `${VERBS[verb] ?? verb} ${(Array.isArray(names) ? names : Object.keys(names ?? {})).join(', ')} of the query`,
      ),
    ].join(', '),
  make,
};
