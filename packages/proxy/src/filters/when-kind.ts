import { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { AnswerHead, Filter, FilterFactory, Passage, PassageFacts, Revision, Verdict } from '../engine/filter.ts';
import { conditionsOf } from '../match/conditions.ts';
import { linearPattern, narrowed } from '../match/linear-pattern.ts';
import type { MatchSpec } from '../match/match-spec.ts';
import { pathRuleOf } from '../match/match-entry.ts';
import { matchingPath } from '../match/request-path.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { matchForm } from '../snapshot/match-form.ts';

const early = matchForm.superRefine((match, context) => {
  for (const key of ['claims', 'body'] as const)
    if (match[key] !== undefined)
      context.addIssue({
        code: 'custom',
        path: [key],
        message: 'is looked at where routes are chosen; write it there',
      });
  if (match.path?.kind === 'template')
    context.addIssue({
      code: 'custom',
      path: ['path'],
      message: 'is a template, which stands in a route; write a regex',
    });
});
const matches = z.union([early, z.array(early).min(1)]);
const plain = z
  .looseObject({ type: z.string() })
  .meta({ filter: true })
  .transform((written): FilterSpec => written);

/** With the form of the filters that may stand inside. */
function form(inner: z.ZodType<FilterSpec>) {
  return z
    .strictObject({
      type: z.literal('when'),
      is: matches.optional().describe('Requests that fit this, or one of several.'),
      isNot: matches.optional().describe('Requests that fit none of these.'),
      filters: z.array(inner).min(1).describe('What those requests meet.'),
    })
    .refine(({ is, isNot }) => (is === undefined) !== (isNot === undefined), { message: 'write one of is and isNot' });
}

type WhenSpec = z.output<ReturnType<typeof form>>;

/** Filters for some of a route's requests. */
const make: FilterFactory<WhenSpec> = ({ is, isNot, filters }, world) => {
  const fits = testOf(is ?? isNot ?? {});
  const inner = filters.map((spec) => world.make(spec));
  /** Requests that they concern. */
  const meant = new WeakSet<Passage>();
  const run = (passage: Passage, from: number): Verdict | Promise<Verdict> => {
    for (let at = from; at < inner.length; at += 1) {
      const verdict = inner[at]?.request?.(passage);
      if (verdict === undefined) continue;
      if (!(verdict instanceof Promise)) return verdict;
      return verdict.then((said) => said ?? run(passage, at + 1));
    }
    return undefined;
  };
  const filter: Filter = {
    type: 'when',
    request(passage) {
      if (fits(passage) !== (isNot === undefined)) return undefined;
      meant.add(passage);
      return run(passage, 0);
    },
    answer(passage, status) {
      if (meant.has(passage)) for (const each of inner) each.answer?.(passage, status);
    },
    ended(passage, outcome) {
      if (meant.has(passage)) for (const each of inner) each.ended?.(passage, outcome);
    },
    async close() {
      await Promise.allSettled(inner.map(async (each) => each.close?.()));
    },
  };
  const revising = inner.filter((each) => each.revise !== undefined);
  const [only, ...more] = revising;
  if (more.length > 0) throw new RangeError('A filter when holds several that change answers. Write one for each.');
  if (only !== undefined)
    filter.revise = (passage: Passage, head: AnswerHead): Revision | undefined =>
      meant.has(passage) ? only.revise?.(passage, head) : undefined;
  return filter;
};

function testOf(spec: MatchSpec | readonly MatchSpec[]): (facts: PassageFacts) => boolean {
  const tests = (Array.isArray(spec) ? spec : [spec]).map(oneTest);
  return (facts) => tests.some((fits) => fits(facts));
}

function oneTest(spec: MatchSpec): (facts: PassageFacts) => boolean {
  const { early: conditions } = conditionsOf(spec);
  const fitsPath = pathTest(spec);
  return (facts) =>
    (spec.methods === undefined || spec.methods.includes(facts.method)) &&
    fitsPath(matchingPath(facts.path)) &&
    conditions.every((each) => each.test(facts));
}

function pathTest(spec: MatchSpec): (path: string) => boolean {
  const rule = pathRuleOf(spec);
  if (rule.kind === 'regex') {
    const pattern = narrowed(linearPattern(rule.pattern), rule);
    return (path) => pattern.matches(path);
  }
  const wanted = matchingPath(rule.path);
  if (rule.kind === 'exact') return (path) => path === wanted;
  const bare = wanted.endsWith('/') ? wanted.slice(0, -1) : wanted;
  return (path) => path === bare || path.startsWith(`${bare}/`);
}

/** `when`: filters for some of a route's requests. */
export const whenKind: FilterKind<WhenSpec> = {
  type: 'when',
  open: ['is.**', 'is.cookies.**', 'is.*.cookies.**', 'isNot.**', 'isNot.cookies.**', 'isNot.*.cookies.**'],
  nested: ['filters'],
  schema: form(plain),
  within: form,
  clusters: ({ filters }, inside) =>
    filters.flatMap((spec, at) =>
      inside(spec).map(({ cluster, path }) => ({ cluster, path: ['filters', at, ...path] })),
    ),
  explain: ({ isNot, filters }) =>
    `${filters.map(({ type }) => type).join(', ')} for requests that ${isNot === undefined ? 'fit' : 'do not fit'}`,
  make,
};
