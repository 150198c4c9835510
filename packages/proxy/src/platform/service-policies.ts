import { specProblems, type PolicySpec } from '@fairlead/policy';

/**
 * What of a policy an edge can do. A body is streamed through once, in both directions, so nothing that would need the
 * whole of it a second time: those sections are for callers.
 */
export function atTheEdge(spec: PolicySpec): PolicySpec {
  const { timeout, retry: _r, hedge: _h, budget: _b, cache: _c, coalesce: _j, fallback: _f, ...rest } = spec;
  return timeout?.total === undefined ? rest : { ...rest, timeout: { total: timeout.total } };
}

/** What is wrong with policies, each with its place. */
export function policyProblems(policies: unknown): readonly string[] {
  if (typeof policies !== 'object' || policies === null || Array.isArray(policies))
    return ['policies must be an object of service names'];
  return Object.entries(policies).flatMap(([target, spec]) => {
    const problems = specProblems(spec);
    const all = problems.length > 0 ? problems : storeProblems(spec);
    return all.map((problem) => `policies.${target}: ${problem}`);
  });
}

/** Limits that are to be counted where a gateway has no place to: told at the start, not at the first request. */
function storeProblems({ rateLimit, quota }: PolicySpec): readonly string[] {
  const shared = { rateLimit: rateLimit?.shared, quota: quota?.shared };
  return Object.entries(shared).flatMap(([section, given]) =>
    given === undefined ? [] : [`${section}.shared: a gateway has no store to count in together; leave it out`],
  );
}
