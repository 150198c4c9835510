import { createContext, seededRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { Fields } from '@fairlead/net';
import { noTelemetry } from '@fairlead/telemetry';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import type { FilterWorld, Passage, PassageFacts } from '../engine/filter.ts';

/** A passage whose edits can be looked at. */
export interface TestPassage extends Passage {
  readonly upstream: Map<string, string | undefined>;
  readonly answered: Map<string, string | undefined>;
  /** Clusters that were to get a copy. */
  readonly mirrored: readonly string[];
}

/** What filters of a test are made of. */
export interface TestWorld extends FilterWorld {
  readonly clock: VirtualClock;
  passage(facts?: Partial<PassageFacts> & { readonly headers?: Readonly<Record<string, string>> }): TestPassage;
}

const ROUTE: CompiledRoute = {
  name: 'orders',
  label: '/orders',
  filters: [],
  destinations: [{ cluster: 'orders', weight: 1 }],
  timeoutMs: 10_000,
  maxBodyBytes: 1024,
  policy: undefined,
};

/** A world on a virtual clock that begins in 2030. */
export function filterWorld(): TestWorld {
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const random = seededRandom(1);
  const kept = new Map<string, unknown>();
  return {
    clock,
    random,
    telemetry: noTelemetry(),
    route: ROUTE.name,
    limits: undefined,
    kept: <T>(key: string, make: () => T): T => {
      if (!kept.has(key)) kept.set(key, make());
      // `as`: what is under a key was made by whoever asks for it.
      return kept.get(key) as T;
    },
    passage({ headers = {}, ...facts } = {}) {
      const upstream = new Map<string, string | undefined>();
      const answered = new Map<string, string | undefined>();
      const mirrored: string[] = [];
      return {
        method: 'GET',
        path: '/orders',
        query: '',
        host: 'shop.test',
        fields: new Fields(Object.entries(headers).flat()),
        clientAddress: '192.0.2.1',
        isTls: true,
        ...facts,
        startedAtMs: clock.monotonic(),
        leftMs: undefined,
        route: ROUTE,
        identity: undefined,
        upstreamTarget: '/orders',
        cluster: 'orders',
        hashKey: undefined,
        ctx: createContext({ clock, random }),
        setUpstream: (name, value) => void upstream.set(name, value),
        setAnswer: (name, value) => void answered.set(name, value),
        mirror: (mirror) => void mirrored.push(mirror.cluster),
        mirrored,
        upstream,
        answered,
      };
    },
  };
}
