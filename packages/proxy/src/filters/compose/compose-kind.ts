import type { Filter, FilterFactory, LocalAnswer, Passage } from '../../engine/filter.ts';
import { matchingPath, parameterName, pathParameters } from '../../match/request-path.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { composeSchema, type ComposeSpec } from './compose-spec.ts';
import { Composition, type CompositionOptions } from './composition.ts';
import { planOf, planWords } from './plan.ts';

const FORWARDED = ['accept-language'];

const ONLY_READS: LocalAnswer = {
  status: 405,
  cause: 'METHOD_NOT_ALLOWED',
  detail: 'This is composed of what others answer, and can only be read.',
  fields: { allow: 'GET, HEAD' },
  members: { allow: ['GET', 'HEAD'] },
};

const BUSY: LocalAnswer = {
  status: 503,
  cause: 'COMPOSITION_BUSY',
  detail: 'As many of these are being composed as there may be at once.',
  retryAfterMs: 1_000,
};

/** Answers of several parts, each from another cluster. */
const make: FilterFactory<ComposeSpec> = (spec, { route, telemetry, kept, ask }) => {
  const underWay = kept(`compose ${route} ${Object.keys(spec.parts).join(' ')}`, () => ({ count: 0 }));
  const ended = telemetry.metrics.counter({
    name: 'fairlead_composed_parts_total',
    help: 'Parts of composed answers, by how they ended',
    labelNames: ['route', 'part', 'outcome'],
  });
  const options: CompositionOptions = {
    plan: planOf(spec),
    forwarded: spec.forward ?? FORWARDED,
    parallel: spec.parallel,
    maxBytes: spec.maxBytes,
    partialAs: spec.partialAs,
    ask,
    partEnded: (part, outcome) => ended.inc({ route, part, outcome }),
  };
  const parametersIn = pathReader(spec.path);

  async function compose(passage: Passage, parameters: Readonly<Record<string, string>>): Promise<LocalAnswer> {
    underWay.count += 1;
    try {
      return await new Composition(options, passage, parameters).run();
    } finally {
      underWay.count -= 1;
    }
  }

  const filter: Filter = {
    type: 'compose',
    request(passage) {
      if (passage.method !== 'GET' && passage.method !== 'HEAD') return ONLY_READS;
      const parameters = parametersIn(passage.path);
      if (parameters === undefined)
        return { status: 404, cause: 'NO_ROUTE', detail: `There is no route for ${passage.path}.` };
      return underWay.count >= spec.maxInFlight ? BUSY : compose(passage, parameters);
    },
  };
  return filter;
};

/** The parameters of a path; `undefined` for one that does not fit. Compared as routes compare them, decoded once. */
function pathReader(template: string | undefined): (path: string) => Readonly<Record<string, string>> | undefined {
  if (template === undefined) return () => ({});
  const wanted = matchingPath(template).split('/');
  return (path) => {
    const segments = matchingPath(path).split('/');
    const isFit =
      segments.length === wanted.length &&
      wanted.every((segment, at) =>
        parameterName(segment) === undefined ? segment === segments[at] : segments[at] !== '',
      );
    return isFit ? pathParameters(template, path) : undefined;
  };
}

/** `compose`: one answer of several parts. */
export const composeKind: FilterKind<ComposeSpec> = {
  type: 'compose',
  open: [
    'path',
    'parts.*.to',
    'parts.*.method',
    'parts.*.path',
    'parts.*.after.*',
    'parts.*.timeout',
    'parts.*.maxBytes',
    'parts.*.pick',
    'parts.*.pick.*',
    'parts.*.at',
    'forward.*',
    'maxBytes',
    'partialAs',
  ],
  schema: composeSchema,
  answersAll: true,
  clusters: ({ parts }) =>
    Object.entries(parts).map(([name, { to }]) => ({ cluster: to, path: ['parts', name, 'to'] })),
  explain: (spec) => planWords(planOf(spec)),
  make,
};
