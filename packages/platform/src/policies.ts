import { specProblems, type PolicySpec } from '@fairlead/policy';
import type { UseModel } from './model.ts';
import type { ProblemList } from './problem-list.ts';
import { quoteWithNearest, type Members } from './references.ts';
import type { ParsedBlueprint } from './schema.ts';

/** Whom a policy is for when nothing nearer is said. */
const EVERYBODY = '*';
const NO_STORE =
  'no topology has a store to count in together yet; leave it out, so that each process counts for itself, or make the policy in code';

/** Every policy can be used, and is for somebody who is called. */
export function checkPolicies(members: Members, problems: ProblemList): void {
  for (const [target, spec] of Object.entries(members.parsed.policies)) {
    const unknown = target === EVERYBODY ? undefined : unknownTarget(target, members);
    if (unknown !== undefined) problems.add(['policies', target], unknown);
    for (const problem of problemsOf(spec)) problems.add(['policies', target], problem);
  }
}

/** What is wrong with the name that a policy stands under. */
function unknownTarget(target: string, { parsed, services, externals }: Members): string | undefined {
  const names = [...Object.keys(parsed.services), ...Object.keys(parsed.externals)];
  const [name = '', operation] = target.split('.', 2);
  if (!names.includes(name)) {
    return `is for ${quoteWithNearest(name, [...names, EVERYBODY])}, which is no service and no external of this platform`;
  }
  const contract = services.get(name)?.definition.contract ?? externals.get(name)?.contract;
  // Who could not be imported is a problem already.
  if (operation === undefined || contract === undefined) return undefined;
  const operations = Object.keys(contract.operations);
  return operations.includes(operation)
    ? undefined
    : `is for ${quoteWithNearest(operation, operations)}, which is no operation of ${name}`;
}

function problemsOf(spec: PolicySpec): readonly string[] {
  const problems = specProblems(spec);
  if (problems.length > 0) return problems;
  return [
    ...(spec.rateLimit?.shared === undefined ? [] : [`rateLimit.shared: ${NO_STORE}`]),
    ...(spec.quota?.shared === undefined ? [] : [`quota.shared: ${NO_STORE}`]),
  ];
}

/** The policies that calls to some names come under: what is for others is not the caller's business. */
export function policiesFor(
  policies: ParsedBlueprint['policies'],
  uses: readonly UseModel[],
): Readonly<Record<string, PolicySpec>> {
  const names = new Set([EVERYBODY, ...uses.map(({ name }) => name)]);
  return Object.fromEntries(Object.entries(policies).filter(([target]) => names.has(target.split('.', 1)[0] ?? '')));
}
