import { z } from 'zod';
import { clusterForm } from './cluster-form.ts';
import { filterForm } from './filter-form.ts';
import type { FilterKind } from './filter-kind.ts';
import { listenerForm } from './listener-form.ts';
import { matchForm } from './match-form.ts';
import { memberName, routeHosts } from './names.ts';
import { policyForm, policyReference } from './policy-form.ts';
import { duration, size } from './quantities.ts';

const weighted = z.strictObject({
  cluster: memberName,
  weight: z.int().min(0).default(1).describe('Its share is this of the sum of all. 0 takes none.'),
});

const destinations = z.union([
  memberName.transform((cluster) => [{ cluster, weight: 1 }]),
  z
    .array(weighted)
    .min(1, 'is empty, so that the route leads nowhere')
    .refine((all) => all.length === 0 || all.some(({ weight }) => weight > 0), {
      error: 'has weights that add up to 0, so that nobody takes a request; give one of them more',
    })
    .superRefine((all, context) => {
      for (const [index, { cluster }] of all.entries()) {
        if (all.findIndex((other) => other.cluster === cluster) === index) continue;
        context.addIssue({
          code: 'custom',
          path: [index, 'cluster'],
          message: `${cluster} is here twice; add the weights`,
        });
      }
    }),
]);

/** The whole configuration, as people write it, with these kinds of filters; `types` as `filterForm` has them. */
export function snapshotForm(kinds: readonly FilterKind[], types?: readonly string[]) {
  const filters = z.array(filterForm(kinds, types));
  const route = z.strictObject({
    name: memberName,
    hosts: routeHosts
      .optional()
      .describe(
        'Names; *. and a name for everything below it; a name and .* for every ending; { regex }; or *, beside names, for any other. Default: any.',
      ),
    listeners: z
      .array(memberName)
      .min(1, 'is empty, so that the route would answer nothing; leave it out for every listener')
      .optional()
      .describe('Which listeners serve it. Default: all.'),
    match: z
      .union([
        matchForm,
        z.array(matchForm).min(1, 'is empty, so that nothing would match; leave it out for everything'),
      ])
      .optional()
      .describe('One of these must fit. Default: everything.'),
    filters: filters.default([]).describe('After the filters for all routes.'),
    to: destinations.optional().describe('A cluster, or several with weights.'),
    timeout: duration.default(10_000).describe('For the whole exchange. Default 10s. 0s means no limit.'),
    timeoutOf: z
      .enum(['exchange', 'silence'], { error: 'must be exchange or silence' })
      .default('exchange')
      .describe(
        'What the timeout is of: the whole exchange, or how long the upstream may say nothing. Default exchange.',
      ),
    maxBody: size.default(1024 * 1024).describe('Largest request body. Default 1MiB. 0B allows none.'),
    policy: policyReference.optional().describe('How its requests behave under stress, instead of the cluster’s.'),
    priority: z
      .int()
      .min(-1_000_000)
      .max(1_000_000)
      .default(0)
      .describe('Routes of a higher one are asked first, whatever their hosts and paths. Default 0.'),
    exclusive: z
      .boolean()
      .default(false)
      .describe(
        'Whether requests with its path that do not match otherwise are refused, instead of going to shorter paths.',
      ),
  });
  return z.strictObject({
    $schema: z.string().optional().describe('For editors.'),
    listeners: z.array(listenerForm).min(1, 'is empty; there must be one to answer anybody'),
    routes: z.array(route),
    clusters: z.record(memberName, clusterForm),
    filters: filters.default([]).describe('For all routes, before their own.'),
    policies: z.record(memberName, policyForm).default({}),
  });
}

/** A configuration that was read: of the right shape, its quantities parsed. */
export type ReadSnapshot = z.output<ReturnType<typeof snapshotForm>>;
