// Why a request goes where it goes: explain-request.ts asks every match of every route, explained-request.ts reads the request,
// lost-because.ts says why a match that fits did not win, words.ts says things to people; describe-snapshot.ts describes all.
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { PassageFacts } from '../engine/filter.ts';
import { conditionsOf } from '../match/conditions.ts';
import type { Decision, LateFacts } from '../match/decision.ts';
import { pathRuleOf } from '../match/match-entry.ts';
import type { MatchSpec } from '../match/match-spec.ts';
import { pathParameters } from '../match/request-path.ts';
import { compileRoutes } from '../match/route-table.ts';
import { fail } from '../errors.ts';
import type { CompiledListener, CompiledSnapshot, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import type { SayingKind } from '../snapshot/filter-kind.ts';
import { readRequest, type ReadRequest, type RequestToExplain } from './explained-request.ts';
import { lostBecause, type Fitting } from './lost-because.ts';
import { addressWords, endpointWords, filterWords, matchWords, pathWords, policyWords, sharesOf } from './words.ts';

/** What becomes of a match. */
export type Verdict =
  | { readonly kind: 'won' }
  /** All of it fits, and another comes first; `why` says by what. */
  | { readonly kind: 'outranked'; readonly why: string }
  /** The first condition that fails. */
  | { readonly kind: 'does-not-fit'; readonly why: string };

/** One match of one route. */
export interface Candidate {
  readonly route: string;
  /** Which of its matches, beginning with 0. */
  readonly match: number;
  readonly words: string;
  readonly hosts: readonly string[];
  readonly verdict: Verdict;
}

/** Where a request goes. */
export type Destiny =
  | {
      readonly kind: 'route';
      readonly route: string;
      readonly parameters: Readonly<Record<string, string>>;
      /** What it meets on its way, in order. */
      readonly filters: readonly { readonly type: string; readonly says: string; readonly isShared: boolean }[];
      readonly destinations: readonly {
        readonly cluster: string;
        /** From 0 to 1. */
        readonly share: number;
        readonly endpoints: readonly string[];
        readonly balancer: string;
      }[];
      readonly timeoutMs: number;
      readonly maxBodyBytes: number;
      /** Whose policy it is under; `undefined` is none. */
      readonly policy: { readonly of: 'route' | 'cluster'; readonly name: string } | undefined;
      /** What had to be known before the route could be chosen, beyond the request's head. */
      readonly needed: readonly ('identity' | 'body')[];
    }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly why: string };

/** Why a request goes where it goes. */
export interface Explanation {
  readonly request: Pick<PassageFacts, 'method' | 'host' | 'path' | 'query'>;
  readonly listener: { readonly name: string; readonly address: string };
  readonly destiny: Destiny;
  /** The winner first, then what fits, then the rest; each as the routes were written. */
  readonly candidates: readonly Candidate[];
}

/**
 * Explains what a snapshot does with a request. What it finds is what the engine finds: it asks the same table.
 * @param kinds default: the snapshot's own
 * @throws BAD_REQUEST when the request has no URL, or names a listener that isn't there
 */
export function explainRequest(
  snapshot: CompiledSnapshot,
  request: RequestToExplain,
  kinds: readonly SayingKind[] = snapshot.kinds,
): Explanation {
  const steps = explaining(snapshot, request, kinds);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The same, step by step: a route takes a tenth of a millisecond, and who also serves has other things to do between them.
 * @throws BAD_REQUEST at the first step
 */
export function* explaining(
  snapshot: CompiledSnapshot,
  request: RequestToExplain,
  kinds: readonly SayingKind[],
): Generator<void, Explanation, void> {
  const read = readRequest(request);
  const { facts } = read;
  const listener = listenerFor(snapshot, request.listener, read.port);
  const { decision, needed } = decide(listener, read);
  const routes = snapshot.routes.filter(({ listeners }) => listeners.includes(listener.name));
  const winner = decision.kind === 'route' ? decision : undefined;
  const winning = winner?.route.matches[winner.match];
  const candidates: Candidate[] = [];
  for (const route of routes) {
    yield;
    const ofRoute = route.matches.map((spec, match): Candidate => {
      const misfit = misfitOf(route, spec, read);
      const isWinner = winner?.route === route && winner.match === match;
      const verdict: Verdict =
        misfit !== undefined
          ? { kind: 'does-not-fit', why: misfit }
          : isWinner
            ? { kind: 'won' }
            : {
                kind: 'outranked',
                why: outranked({ route, spec }, facts, winner && winning && { route: winner.route, spec: winning }),
              };
      return { route: route.name, match, words: matchWords(spec), hosts: route.hosts, verdict };
    });
    candidates.push(...ofRoute);
  }
  const rank = { won: 0, outranked: 1, 'does-not-fit': 2 };
  return {
    request: { method: facts.method, host: facts.host, path: facts.path, query: facts.query },
    listener: { name: listener.name, address: addressWords(listener) },
    destiny:
      read.fault === undefined
        ? destinyOf(snapshot, decision, { facts, needed, kinds })
        : {
            kind: 'refused',
            status: 400,
            code: 'BAD_REQUEST',
            why: `the target can be read in more than one way: ${read.fault}`,
          },
    candidates: candidates.toSorted((a, b) => rank[a.verdict.kind] - rank[b.verdict.kind]),
  };
}

function listenerFor(
  { listeners }: CompiledSnapshot,
  name: string | undefined,
  port: number | undefined,
): CompiledListener {
  const byPort = listeners.find(({ address }) => 'port' in address && address.port === port);
  const found = name === undefined ? (byPort ?? listeners[0]) : listeners.find((listener) => listener.name === name);
  if (found !== undefined) return found;
  const there = listeners.map((listener) => listener.name).join(', ');
  throw fail('BAD_REQUEST', `There is no listener ${JSON.stringify(name)}. There are: ${there}.`);
}

/** Asks the table as the engine does: for what comes late only when it says so. */
function decide({ table }: CompiledListener, { facts, late }: ReadRequest) {
  const needed: ('identity' | 'body')[] = [];
  let known: LateFacts = {};
  for (;;) {
    const decision = table.find(facts, known);
    if (decision.kind !== 'needs') return { decision, needed };
    needed.push(decision.needs);
    known = decision.needs === 'identity' ? { ...known, identity: late.identity } : { ...known, body: late.body };
  }
}

/** The first condition of a match that fails, or `undefined`. */
function misfitOf(route: SnapshotRoute, spec: MatchSpec, { facts, late }: ReadRequest): string | undefined {
  const alone = (match: MatchSpec, hosts: readonly string[]): boolean =>
    compileRoutes<CompiledRoute>([{ route, hosts, matches: [match], isExclusive: false }]).find(facts).kind === 'route';
  if (!alone({}, route.hosts)) return `the host is not ${route.hosts.join(' or ')}`;
  const path = pathRuleOf(spec);
  if (!alone({ path }, [])) return `the path is not ${pathWords(path)}`;
  if (spec.methods !== undefined && !spec.methods.includes(facts.method))
    return `the method is not ${spec.methods.join(' or ')}`;
  const { early, identity, body } = conditionsOf(spec);
  const missed = early.find((condition) => !condition.test(facts));
  if (missed !== undefined) return `it does not hold that ${missed.words}`;
  const unclaimed = identity.find((condition) => !condition.test(late.identity));
  if (unclaimed !== undefined)
    return `it does not hold that ${unclaimed.words}${late.identity === null ? ': nobody is known' : ''}`;
  const unsaid = body.find((condition) => !condition.test(late.body));
  if (unsaid === undefined) return undefined;
  return `it does not hold that ${unsaid.words}${late.body === null ? ': there is no body of JSON' : ''}`;
}

function outranked(loser: Fitting, facts: PassageFacts, winner: Fitting | undefined): string {
  return winner === undefined
    ? 'an exclusive route with a more precise path has this path, and refuses what it does not take'
    : lostBecause(winner, loser, facts.host);
}

function destinyOf(
  snapshot: CompiledSnapshot,
  decision: Decision<SnapshotRoute>,
  {
    facts,
    needed,
    kinds,
  }: {
    readonly facts: PassageFacts;
    readonly needed: readonly ('identity' | 'body')[];
    readonly kinds: readonly SayingKind[];
  },
): Destiny {
  if (decision.kind === 'method-not-allowed')
    return { kind: 'refused', status: 405, code: 'METHOD_NOT_ALLOWED', why: `the path takes ${decision.allow}` };
  if (decision.kind !== 'route') return { kind: 'refused', status: 404, code: 'NO_ROUTE', why: 'no match fits' };
  const { route } = decision;
  const path = route.matches[decision.match]?.path;
  const destinations = sharesOf(route).map(({ cluster: name, share }) => {
    const cluster = snapshot.clusters.find((each) => each.name === name);
    return {
      cluster: name,
      share,
      endpoints: cluster === undefined ? [] : endpointWords(cluster),
      balancer: cluster?.options.balancer ?? 'p2c',
    };
  });
  const first = snapshot.clusters.find(({ name }) => name === destinations[0]?.cluster);
  const own = policyWords(route);
  const shared = first && policyWords(first);
  return {
    kind: 'route',
    route: route.name,
    parameters: path?.kind === 'template' ? pathParameters(path.path, facts.path) : {},
    filters: route.filters.map((filter, index) => ({
      type: filter.type,
      says: filterWords(filter, kinds),
      isShared: index < route.sharedFilters,
    })),
    destinations,
    timeoutMs: route.timeoutMs,
    maxBodyBytes: route.maxBodyBytes,
    policy:
      own !== undefined
        ? { of: 'route', name: own }
        : shared === undefined
          ? undefined
          : { of: 'cluster', name: shared },
    needed,
  };
}
