import type { Clock } from '@fairlead/core';
import type { Metrics } from '@fairlead/telemetry';
import type { Engine } from '../engine/engine.ts';
import { fail } from '../errors.ts';
import { describeSnapshot } from '../explain/describe-snapshot.ts';
import { explaining, type Explanation } from '../explain/explain-request.ts';
import type { RequestToExplain } from '../explain/explained-request.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { SayingKind } from '../snapshot/filter-kind.ts';
import type {
  Answer,
  Ask,
  CacheTold,
  ChangeTold,
  GatewayQuestions,
  ProcessStatus,
  Purge,
  QuestionName,
} from './gateway-question.ts';
import { shownConfig } from './shown-config.ts';
import type { Swap, SwapHistory } from './swap-history.ts';

/** A cache, as far as operators ask it. */
export interface CachePort {
  readonly zone: string;
  /** Numbers beyond these are counts of what it has done. */
  report(): { readonly store: string; readonly entries: number; readonly bytes: number; readonly maxBytes: number };
  entries(most: number): Promise<CacheTold['listed']>;
  purge(purge: Purge): Promise<number>;
}

/** A gateway of this process, as its owner hands it to operators. */
export interface LocalGatewayOptions {
  readonly engine: Pick<Engine, 'inspection' | 'isDraining' | 'cluster'> & {
    /** Those of the snapshot at work. Default: there are none. */
    readonly caches?: readonly CachePort[];
  };
  /** The one that is at work. */
  readonly snapshot: () => CompiledSnapshot;
  readonly history: Pick<SwapHistory, 'swaps'>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Reads the configuration now; resolves when it is in the history what became of it. Default: that can't be asked for. */
  readonly reload?: () => Promise<void>;
  /** Filters of snapshots that code makes, to be described. Default none. */
  readonly words?: readonly SayingKind[];
}

type Answers = { readonly [Name in QuestionName]: (ask: Ask<Name>) => Answer<Name> | Promise<Answer<Name>> };

/** One process of a gateway, which answers questions. */
export class LocalGateway {
  readonly #answers: Answers;

  constructor(options: LocalGatewayOptions) {
    this.#answers = answersOf(options);
  }

  /**
   * Answers a question, of which the name may be any: it may come from another process.
   * @throws BAD_REQUEST, and what an answer is refused with
   */
  async answer<Name extends QuestionName>(name: Name, ask: Ask<Name>): Promise<Answer<Name>> {
    if (!Object.hasOwn(this.#answers, name)) throw new RangeError(`There is no question ${String(name)}.`);
    return this.#answers[name](ask);
  }
}

function answersOf(options: LocalGatewayOptions): Answers {
  const { engine, snapshot, history, metrics, clock, reload, words = [] } = options;
  const { inspection } = engine;
  const sayings = (): readonly SayingKind[] => [...snapshot().kinds, ...words];
  const startedAtMs = clock.now();
  const clusterChange = (
    cluster: string,
    change: (open: NonNullable<ReturnType<Engine['cluster']>>) => string,
  ): ChangeTold => {
    const open = engine.cluster(cluster);
    return { outcome: open === undefined ? 'unknown-cluster' : change(open) };
  };
  return {
    status(): ProcessStatus {
      const { hash, origin, loadedAtMs } = snapshot();
      return {
        hash,
        origin,
        loadedAtMs,
        startedAtMs,
        isDraining: engine.isDraining,
        requests: inspection.requests,
        connections: inspection.listeners().reduce((sum, { connections }) => sum + connections, 0),
      };
    },
    config() {
      const { written, imported, kinds } = snapshot();
      return { ...shownConfig(written, kinds), importedFrom: imported?.of };
    },
    snapshot: () => describeSnapshot(snapshot(), sayings()),
    history: () => history.swaps,
    listeners: () => inspection.listeners(),
    routes: () => inspection.routes(),
    consumers: ({ most }) => inspection.consumers(most),
    limits: (ask) => inspection.limits(ask),
    clusters: () => ({ clusters: inspection.clusters(), incidents: inspection.incidents() }),
    policies: () => inspection.policies(),
    explain: ({ request }) => explained(snapshot(), request, sayings(), clock),
    metrics: () => metrics.exposition(),
    cache: ({ zone, most }) => Promise.all(cachesOf(engine, zone).map((cache) => cacheTold(cache, most))),
    async purge({ purge, zone }): Promise<ChangeTold> {
      const caches = cachesOf(engine, zone);
      if (caches.length === 0) return { outcome: 'no-cache' };
      const forgotten = await Promise.all(caches.map((cache) => cache.purge(purge)));
      return { outcome: 'done', count: forgotten.reduce((sum, each) => sum + each, 0) };
    },
    eject: ({ cluster, address, forMs, force }) =>
      clusterChange(cluster, (open) => doneIf('ejected', open.eject(address, { forMs, evenLast: force }))),
    restore: ({ cluster, address }) => clusterChange(cluster, (open) => doneIf('restored', open.restore(address))),
    async reload(): Promise<Swap> {
      if (reload === undefined) {
        throw fail('CHANGE_REFUSED', 'This gateway follows no file that could be read now.');
      }
      const before = history.swaps.length;
      await reload();
      const last = history.swaps.at(-1);
      if (last === undefined || history.swaps.length < before) throw new RangeError('The history is empty.');
      return last;
    },
  } satisfies { readonly [Name in keyof GatewayQuestions]: Answers[Name] };
}

/** Routes that are looked at before requests have their turn. */
const ROUTES_A_TURN = 100;

/** Explains a request without holding up those that are served meanwhile. */
async function explained(
  snapshot: CompiledSnapshot,
  request: RequestToExplain,
  kinds: readonly SayingKind[],
  clock: Clock,
): Promise<Explanation> {
  const steps = explaining(snapshot, request, kinds);
  for (let routes = 1; ; routes += 1) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (routes % ROUTES_A_TURN === 0) await new Promise<void>((resolve) => void clock.setTimer(0, resolve));
  }
}

function cachesOf({ caches = [] }: LocalGatewayOptions['engine'], zone: string | undefined): readonly CachePort[] {
  return caches.filter((cache) => zone === undefined || cache.zone === zone);
}

async function cacheTold(cache: CachePort, most: number): Promise<CacheTold> {
  const { store, entries, bytes, maxBytes, ...rest } = cache.report();
  const counts = Object.entries(rest).filter((pair): pair is [string, number] => typeof pair[1] === 'number');
  const listed = most === 0 ? [] : await cache.entries(most);
  return {
    zone: cache.zone,
    store,
    entries,
    bytes,
    maxBytes,
    counts: Object.fromEntries(counts),
    listed: listed.map(({ url, partition, status, bytes: size, ageS, ttlS, tags, vary }) => ({
      url,
      partition,
      status,
      bytes: size,
      ageS,
      ttlS,
      tags,
      vary,
    })),
  };
}

function doneIf(good: string, outcome: string): string {
  return outcome === good ? 'done' : outcome;
}
