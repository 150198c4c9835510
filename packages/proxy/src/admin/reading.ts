import type { Input, Output } from '@fairlead/contract';
import type { Clock } from '@fairlead/core';
import type { EndpointReport } from '@fairlead/net';
import type { Explanation } from '../explain/explain-request.ts';
import type { adminContract } from './admin-contract.ts';
import type { Answer, Ask, GatewayProcesses, QuestionName, Told } from './gateway-question.ts';
import { nobodyTold } from './gateway-processes.ts';
import { json } from './json.ts';
import { byCount, redFigures, rounded } from './sums.ts';
import type { Swap } from './swap-history.ts';

type Operations = (typeof adminContract)['operations'];
type Name = keyof Operations;
/** What is asked in an operation, and answered. */
export type In<Key extends Name> = Input<Operations[Key]>;
export type Out<Key extends Name> = Output<Operations[Key]>;

/** What a gateway's processes say, put together for people. */
export class Reading {
  readonly #processes: GatewayProcesses;
  readonly #clock: Clock;

  constructor(processes: GatewayProcesses, clock: Clock) {
    this.#processes = processes;
    this.#clock = clock;
  }

  async status(changes: 'on' | 'off'): Promise<Out<'getStatus'>> {
    const [told, { told: swaps }] = await Promise.all([this.#processes.ask('status', {}), this.#ask('history', {})]);
    const all = answersIn(told);
    const newest = latest(all, ({ loadedAtMs }) => loadedAtMs);
    const last = latestSwaps(swaps).at(-1);
    return {
      ...this.#snapshot(newest),
      isDraining: all.some(({ isDraining }) => isDraining),
      requests: sum(all, ({ requests }) => requests),
      connections: sum(all, ({ connections }) => connections),
      changes,
      ...(last?.kind === 'refused' ? { lastRefusal: swapOut(last) } : {}),
      processes: told.map((each) =>
        each.kind === 'silent'
          ? { pid: each.pid, told: false, why: each.why }
          : {
              pid: each.pid,
              told: true,
              hash: each.answer.hash,
              startedAt: iso(each.answer.startedAtMs),
              requests: each.answer.requests,
            },
      ),
    };
  }

  async config(): Promise<Out<'getConfig'>> {
    const [told, status] = await Promise.all([this.#ask('config', {}), this.#processes.ask('status', {})]);
    const newest = latest(answersIn(status), ({ loadedAtMs }) => loadedAtMs);
    const { written, withheld, importedFrom } = first(told.answers);
    return {
      ...this.#snapshot(newest),
      ...(written === undefined ? {} : { written }),
      withheld,
      ...(importedFrom === undefined ? {} : { importedFrom }),
      processes: told.processes,
    };
  }

  async snapshot(): Promise<Out<'getSnapshot'>> {
    const { answers } = await this.#ask('snapshot', {});
    // `as`: the contract has what a description has; that it fits is checked when it is sent.
    return json(first(answers)) as Out<'getSnapshot'>;
  }

  async history(): Promise<Out<'getHistory'>> {
    const { told, processes } = await this.#ask('history', {});
    const answer = latestSwaps(told);
    const { pid } = told.find((each) => each.answer === answer) ?? { pid: process.pid };
    return { pid, swaps: answer.map(swapOut).toReversed(), processes };
  }

  async listeners(): Promise<Out<'getListeners'>> {
    const { answers, processes } = await this.#ask('listeners', {});
    const nowMs = this.#clock.now();
    const names = [...new Set(answers.flat().map(({ name }) => name))];
    const listeners = names.map((name) => {
      const same = answers.flat().filter((each) => each.name === name);
      const { url, certificates } = first(same);
      return {
        name,
        url,
        connections: sum(same, ({ connections }) => connections),
        certificates: certificates.map(({ names: hosts, expiresAt, fingerprint }) => ({
          names: [...hosts],
          expiresAt: iso(expiresAt),
          daysLeft: Math.floor((expiresAt - nowMs) / DAY_MS),
          fingerprint,
        })),
      };
    });
    return { listeners, processes };
  }

  async routes({ most }: In<'getRoutes'>): Promise<Out<'getRoutes'>> {
    const { answers, processes } = await this.#ask('routes', {});
    const byName = new Map<string, NonNullable<(typeof answers)[number][number]['lately']>[]>();
    for (const { name, lately } of answers.flat()) {
      const parts = byName.get(name) ?? [];
      byName.set(name, parts);
      if (lately !== undefined) parts.push(lately);
    }
    const unmatched = redFigures(byName.get('') ?? []);
    byName.delete('');
    const routes = [...byName].map(([route, parts]) => ({ route, ...redFigures(parts) }));
    return {
      routes: routes.toSorted((a, b) => b.requests - a.requests).slice(0, most),
      unmatched,
      all: routes.length,
      processes,
    };
  }

  async consumers({ most }: In<'getConsumers'>): Promise<Out<'getConsumers'>> {
    const { answers, processes } = await this.#ask('consumers', { most: MOST_CONSUMERS });
    const byKey = new Map<string, (typeof answers)[number]['consumers'][number][]>();
    for (const each of answers.flatMap(({ consumers }) => consumers)) {
      const key = JSON.stringify([each.kind, each.tenant ?? null, each.name]);
      byKey.set(key, [...(byKey.get(key) ?? []), each]);
    }
    const consumers = [...byKey.values()].map((same) => {
      const { kind, name, tenant } = first(same);
      return {
        kind,
        name,
        ...(tenant === undefined ? {} : { tenant }),
        requests: sum(same, ({ requests }) => requests),
        failed: sum(same, ({ failed }) => failed),
        refused: byCount(same.map(({ refused }) => refused)),
        since: iso(Math.min(...same.map(({ sinceMs }) => sinceMs))),
        lastAt: iso(Math.max(...same.map(({ lastAtMs }) => lastAtMs))),
      };
    });
    return {
      consumers: consumers.toSorted((a, b) => (a.lastAt < b.lastAt ? 1 : -1)).slice(0, most),
      forgotten: sum(answers, ({ forgotten }) => forgotten),
      processes,
    };
  }

  async limits(ask: In<'getLimits'>): Promise<Out<'getLimits'>> {
    const { told, processes } = await this.#ask('limits', ask);
    const byKey = new Map<string, { readonly pid: number; readonly limit: Answer<'limits'>[number] }[]>();
    for (const { pid, answer } of told) {
      for (const limit of answer) {
        const key = JSON.stringify([limit.name, limit.by, limit.rates.map(({ rate, burst }) => [rate, burst])]);
        byKey.set(key, [...(byKey.get(key) ?? []), { pid, limit }]);
      }
    }
    const limits = [...byKey.values()].map((same) => {
      const all = same.map(({ limit }) => limit);
      const { name, by, isShared, rates } = first(all);
      return {
        name,
        by,
        isShared,
        keys: sum(all, ({ keys }) => keys),
        maxKeys: sum(all, ({ maxKeys }) => maxKeys),
        overflowed: sum(all, ({ overflowed }) => overflowed),
        admitted: sum(all, ({ admitted }) => admitted),
        refused: sum(all, ({ refused }) => refused),
        rates: rates.map(({ rate, burst }, at) => ({
          rate,
          burst,
          // Each process counts by itself, so that one of them may refuse who has room in another.
          near: same
            .flatMap(({ pid, limit }) => (limit.rates[at]?.near ?? []).map((each) => ({ ...each, pid })))
            .map(({ used, ...rest }) => ({ ...rest, used: rounded(used) }))
            .toSorted((a, b) => b.used - a.used)
            .slice(0, ask.most),
        })),
      };
    });
    return { limits, processes };
  }

  async clusters(): Promise<Out<'getClusters'>> {
    const { told, processes } = await this.#ask('clusters', {});
    const clusters = told.flatMap(({ pid, answer }) =>
      answer.clusters.map(({ name, balancer, isPanicking, inFlight, pending, repeats, refused, endpoints }) => ({
        name,
        pid,
        balancer,
        isPanicking,
        inFlight,
        pending,
        repeats,
        refused: { ...refused },
        endpoints: endpoints.map(endpointOut),
      })),
    );
    const incidents = told.flatMap(({ pid, answer }) =>
      answer.incidents.map(({ cluster, atMs, event }) => {
        const { kind, ...facts } = event;
        const address = 'address' in event ? event.address : undefined;
        return { at: iso(atMs), pid, cluster, kind, ...(address === undefined ? {} : { address }), facts: json(facts) };
      }),
    );
    return { clusters, incidents: incidents.toSorted((a, b) => (a.at < b.at ? 1 : -1)), processes };
  }

  async policies(): Promise<Out<'getPolicies'>> {
    const { told, processes } = await this.#ask('policies', {});
    return {
      policies: told.flatMap(({ pid, answer }) =>
        answer.map(({ policy, ...state }) => ({ policy, pid, state: json(state) })),
      ),
      processes,
    };
  }

  async cache({ zone, most }: In<'getCache'>): Promise<Out<'getCache'>> {
    const { told, processes } = await this.#ask('cache', { zone, most });
    return {
      caches: told.flatMap(({ pid, answer }) =>
        answer.map(({ listed, counts, ...rest }) => ({
          ...rest,
          pid,
          counts: { ...counts },
          listed: listed.map((each) => ({ ...each, tags: [...each.tags], vary: [...each.vary] })),
        })),
      ),
      processes,
    };
  }

  async explain(request: Ask<'explain'>['request']): Promise<Explanation> {
    const { answers } = await this.#ask('explain', { request });
    return first(answers);
  }

  async #ask<Key extends QuestionName>(name: Key, ask: Ask<Key>) {
    const all = await this.#processes.ask(name, ask);
    const told = all.flatMap((each) => (each.kind === 'told' ? [each] : []));
    const processes = all.map((each) =>
      each.kind === 'told' ? { pid: each.pid, told: true } : { pid: each.pid, told: false, why: each.why },
    );
    return { told, answers: told.map(({ answer }) => answer), processes };
  }

  #snapshot({ hash, origin, loadedAtMs }: Answer<'status'>) {
    return { hash, origin, loadedAt: iso(loadedAtMs), ageS: rounded((this.#clock.now() - loadedAtMs) / 1_000) };
  }
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const MOST_CONSUMERS = 10_000;

function endpointOut({
  state,
  zone,
  ewmaMs,
  pool,
  ...rest
}: EndpointReport): Out<'getClusters'>['clusters'][number]['endpoints'][number] {
  const { address, weight, isPicked, inFlight, attempts, failures } = rest;
  const { connections: open, idle, waiting, opened, failed } = pool;
  const since = 'sinceMs' in state ? { since: iso(state.sinceMs) } : {};
  const until = 'untilMs' in state ? { until: iso(state.untilMs) } : {};
  return {
    address,
    ...(zone === undefined ? {} : { zone }),
    weight,
    state: state.kind,
    ...since,
    ...until,
    ...reasonOf(state),
    isPicked,
    inFlight,
    latencyMs: rounded(ewmaMs),
    attempts,
    failures,
    connections: { open, idle, waiting, opened, failed },
  };
}

function reasonOf(state: EndpointReport['state']) {
  if (state.kind === 'unhealthy') return { reason: state.why };
  if (state.kind !== 'ejected' && state.kind !== 'probation') return {};
  const { kind, ...measured } = state.why;
  return { reason: kind, measured: json({ ...measured, times: state.times }) };
}

/** A swap as the API tells it. */
export function swapOut({ atMs, kind, hash, routes, reason }: Swap): NonNullable<Out<'getStatus'>['lastRefusal']> {
  return {
    at: iso(atMs),
    kind,
    ...(hash === undefined ? {} : { hash }),
    ...(routes === undefined ? {} : { routes }),
    ...(reason === undefined ? {} : { reason: { ...reason, problems: reason.problems.map((each) => ({ ...each })) } }),
  };
}

/** All read the same file: the one that has the latest news tells it. */
function latestSwaps(told: readonly { readonly answer: readonly Swap[] }[]): readonly Swap[] {
  return latest(told, ({ answer }) => answer.at(-1)?.atMs ?? 0).answer;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function answersIn<Value>(told: readonly Told<Value>[]): readonly Value[] {
  return told.flatMap((each) => (each.kind === 'told' ? [each.answer] : []));
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function latest<Item>(items: readonly Item[], of: (item: Item) => number): Item {
  return items.reduce((best, item) => (of(item) > of(best) ? item : best), first(items));
}

/** @throws UNAVAILABLE when no process has said anything */
function first<Item>(items: readonly Item[]): Item {
  const [found] = items;
  if (found === undefined) throw nobodyTold();
  return found;
}
