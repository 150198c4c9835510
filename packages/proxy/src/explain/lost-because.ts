import { conditionsOf } from '../match/conditions.ts';
import { HostIndex } from '../match/host-index.ts';
import { pathRuleOf } from '../match/match-entry.ts';
import type { MatchSpec, PathRule } from '../match/match-spec.ts';
import type { SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import { pathWords } from './words.ts';

/** A match of a route; here one that fits. */
export interface Fitting {
  readonly route: SnapshotRoute;
  readonly spec: MatchSpec;
}

const KINDS = { exact: 3, template: 2, regex: 1, prefix: 0 } as const;
const KIND_WORDS = {
  exact: 'a whole path',
  template: 'a template',
  regex: 'an expression',
  prefix: 'a prefix',
} as const;

/** By what one match that fits comes before another: the first thing in which they differ, in the order of precedence. */
export function lostBecause(winner: Fitting, loser: Fitting, host: string): string {
  const name = winner.route.name;
  const [priorityA, priorityB] = [winner.route.priority ?? 0, loser.route.priority ?? 0];
  if (priorityA !== priorityB) return `${name} has the higher priority (${priorityA} against ${priorityB})`;
  const [hostA, hostB] = [hostOf(winner.route, host), hostOf(loser.route, host)];
  if (hostA !== hostB) return `${name} names the host more precisely (${hostA})`;
  const [pathA, pathB] = [pathRuleOf(winner.spec), pathRuleOf(loser.spec)];
  if (KINDS[pathA.kind] !== KINDS[pathB.kind])
    return `${name} has ${KIND_WORDS[pathA.kind]}, which comes before ${KIND_WORDS[pathB.kind]}`;
  if (pathA.kind === 'prefix' && lengthOf(pathA) > lengthOf(pathB))
    return `${name} has the longer prefix (${pathWords(pathA)})`;
  if (pathA.kind === 'template' && pathWords(pathA) !== pathWords(pathB))
    return `${name} has the template whose first different segment stands for itself (${pathWords(pathA)})`;
  if (winner.spec.methods !== undefined && loser.spec.methods === undefined) return `${name} names the method`;
  const [a, b] = [conditionsOf(winner.spec).counts, conditionsOf(loser.spec).counts];
  if (a.headers !== b.headers) return `${name} has more conditions on headers (${a.headers} against ${b.headers})`;
  if (a.query !== b.query) return `${name} has more conditions on the query (${a.query} against ${b.query})`;
  if (a.others !== b.others) return `${name} has more other conditions (${a.others} against ${b.others})`;
  if (sinceOf(winner.spec) !== sinceOf(loser.spec)) return `${name} is of a later day (${sinceOf(winner.spec)})`;
  return `${name} is as precise, and stands before it`;
}

/** Which of a route's hosts takes this one: the most precise. */
function hostOf({ hosts }: SnapshotRoute, host: string): string {
  const index = new HostIndex(new Map(hosts.map((each) => [each, each])));
  const [first = '*'] = index.get(host);
  return first === '*' ? 'any' : first;
}

function lengthOf(rule: PathRule): number {
  return rule.kind === 'regex' ? 0 : rule.path.replace(/\/$/, '').length;
}

function sinceOf({ version }: MatchSpec): string {
  return version?.by === 'date' ? version.from : '';
}
