import { createContext, seededRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { Fields } from '@fairlead/net';
import { noTelemetry } from '@fairlead/telemetry';
import type { CompiledRoute } from '../engine/compiled-route.ts';
import { tooLarge } from '../engine/failures.ts';
import type { FilterWorld, Passage, PassageFacts, SideAnswer, SideRequest } from '../engine/filter.ts';
import { fail } from '../errors.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';

/** A passage whose edits can be looked at. */
export interface TestPassage extends Passage {
  readonly upstream: Map<string, string | undefined>;
  readonly answered: Map<string, string | undefined>;
  /** Lines that were added, as `name: value`. */
  readonly upstreamAdds: readonly string[];
  readonly answerAdds: readonly string[];
  /** Clusters that were to get a copy. */
  readonly mirrored: readonly string[];
}

/** What filters of a test are made of. */
export interface TestWorld extends FilterWorld {
  readonly clock: VirtualClock;
  /** What filters have asked for, in its order. */
  readonly asked: readonly SideRequest[];
  passage(facts?: TestFacts): TestPassage;
}

/** What a passage of a test is made of; what is left out is as for `GET https://shop.test/orders`. */
export type TestFacts = Partial<PassageFacts & Pick<Passage, 'clientProof'>> & {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
};

/** What a world of a test does when filters ask it. */
export interface TestWorldOptions {
  /** Default: nobody answers, which is UPSTREAM_UNAVAILABLE. */
  readonly ask?: (request: SideRequest) => SideAnswer | Promise<SideAnswer>;
  /** What can stand inside a filter. Default: the filters that there are. */
  readonly kinds?: readonly FilterKind[];
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
export function filterWorld({ ask, kinds = FILTER_KINDS }: TestWorldOptions = {}): TestWorld {
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const random = seededRandom(1);
  const kept = new Map<string, unknown>();
  const asked: SideRequest[] = [];
  const world: TestWorld = {
    clock,
    random,
    telemetry: noTelemetry(),
    route: ROUTE.name,
    limits: undefined,
    sharedCache: undefined,
    ownLimits: undefined,
    kept: <T>(key: string, make: () => T): T => {
      if (!kept.has(key)) kept.set(key, make());
      // `as`: what is under a key was made by whoever asks for it.
      return kept.get(key) as T;
    },
    asked,
    async ask(request) {
      asked.push(request);
      if (ask === undefined) throw fail('UPSTREAM_UNAVAILABLE', `${request.cluster} can't be reached.`);
      return ask(request);
    },
    make(spec) {
      const kind = kinds.find(({ type }) => type === spec.type);
      if (kind === undefined) throw new RangeError(`There is no filter of the type ${spec.type}.`);
      return kind.make(spec, world);
    },
    passage({ headers = {}, body = Buffer.alloc(0), ...facts } = {}) {
      const upstreamAdds: string[] = [];
      const answerAdds: string[] = [];
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
        keptFields: new Fields(Object.entries(headers).flat()),
        ...facts,
        startedAtMs: clock.monotonic(),
        leftMs: undefined,
        upstreamMs: undefined,
        route: ROUTE,
        clientProof: facts.clientProof,
        identity: undefined,
        upstreamTarget: '/orders',
        cluster: 'orders',
        hashKey: undefined,
        upstreamHost: undefined,
        ctx: createContext({ clock, random }),
        upstreamEdits: upstream,
        setUpstream: (name, value) => void upstream.set(name, value),
        setAnswer: (name, value) => void answered.set(name, value),
        addUpstream: (name, value) => void upstreamAdds.push(`${name}: ${value}`),
        addAnswer: (name, value) => void answerAdds.push(`${name}: ${value}`),
        async readBody(maxBytes) {
          if (body.length > maxBytes) throw tooLarge(maxBytes);
          return body;
        },
        mirror: (mirror) => void mirrored.push(mirror.cluster),
        mirrored,
        upstream,
        answered,
        upstreamAdds,
        answerAdds,
      };
    },
  };
  return world;
}
