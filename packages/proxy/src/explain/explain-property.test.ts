// What is explained is what the table does: for the winner, and for each of the others by itself and beside the winner.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asked, routes, type Asked, type Routes } from '../match/any-routes.fixture.ts';
import { compileRoutes } from '../match/route-table.ts';
import type { CompiledSnapshot, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import { explainRequest, type Candidate } from './explain-request.ts';

function snapshotOf(all: Routes): CompiledSnapshot {
  const made = all.map(({ route, hosts, matches, isExclusive }, order): SnapshotRoute => ({
    ...route,
    order,
    hosts,
    matches,
    isExclusive,
    sharedFilters: 0,
    policyName: undefined,
    listeners: ['a'],
  }));
  return {
    hash: '',
    origin: 'test',
    loadedAtMs: 0,
    listeners: [
      {
        name: 'a',
        address: { path: '/a' },
        tls: undefined,
        hasHttp2: false,
        hasProxyProtocol: false,
        hasPrivateHandles: false,
        trustedProxies: [],
        limits: {},
        table: tableOf(made),
      },
    ],
    routes: made,
    clusters: [],
    sharedFilters: [],
    policies: {},
    kinds: [],
  };
}

function tableOf(made: readonly SnapshotRoute[]) {
  return compileRoutes(made.map((route) => ({ ...route, route })));
}

/** A route with only one of its matches, which refuses nothing. */
function only({ routes: all }: CompiledSnapshot, { route: name, match }: Candidate): SnapshotRoute[] {
  const found = all.find((route) => route.name === name);
  const spec = found?.matches[match];
  return found === undefined || spec === undefined ? [] : [{ ...found, matches: [spec], isExclusive: false }];
}

function explained(snapshot: CompiledSnapshot, { facts, headers, late }: Asked) {
  return explainRequest(snapshot, {
    method: facts.method,
    url: `http://${facts.host}${facts.path}${facts.query}`,
    headers: Object.entries(headers),
    claims: late.identity?.claims,
    body: late.body === null ? undefined : JSON.stringify(late.body.value),
  });
}

test('whatever the routes and the request, explaining and finding agree', () => {
  fc.assert(
    fc.property(routes, asked, (all, request) => {
      const snapshot = snapshotOf(all);
      const { facts, late } = request;
      const decision = tableOf(snapshot.routes).find(facts, late);
      const { destiny, candidates } = explained(snapshot, request);
      expect(destiny.kind === 'route' ? destiny.route : destiny.code).toBe(
        decision.kind === 'route'
          ? decision.route.name
          : decision.kind === 'no-route'
            ? 'NO_ROUTE'
            : 'METHOD_NOT_ALLOWED',
      );
      const winner = candidates.find(({ verdict }) => verdict.kind === 'won');
      expect(winner?.route).toBe(decision.kind === 'route' ? decision.route.name : undefined);
      for (const candidate of candidates) {
        const { verdict } = candidate;
        const alone = tableOf(only(snapshot, candidate)).find(facts, late).kind === 'route';
        expect(alone).toBe(verdict.kind !== 'does-not-fit');
        if (verdict.kind !== 'outranked' || winner === undefined) continue;
        const pair = snapshot.routes.flatMap(({ name }) => [
          ...(winner.route === name ? only(snapshot, winner) : []),
          ...(candidate.route === name && candidate.route !== winner.route ? only(snapshot, candidate) : []),
        ]);
        expect(tableOf(pair).find(facts, late)).toMatchObject({ route: { name: winner.route } });
        const stands = (name: string) => snapshot.routes.findIndex((route) => route.name === name);
        if (verdict.why.endsWith('stands before it'))
          expect(stands(winner.route)).toBeLessThanOrEqual(stands(candidate.route));
      }
    }),
    { numRuns: 300 },
  );
});
