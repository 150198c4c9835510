import type { Clock, Random } from '@fairlead/core';
import type { LimitStore } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { RedisCacheClient } from '../filters/cache/redis-cache-client.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import type { LocalAnswer, PassageFacts } from './filter.ts';

/** How an engine runs a snapshot. */
export interface EngineOptions {
  readonly snapshot: CompiledSnapshot;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Whom upstreams see as their caller. Default `gateway`. */
  readonly name?: string;
  /** Besides those of the snapshots. Default none. */
  readonly kinds?: readonly FilterKind[];
  /** Where limits are counted that are to be `shared`. Default: nowhere, and such a limit is refused. */
  readonly limits?: LimitStore | undefined;
  /** Where all other limits of filters are counted, by processes that are one gateway. Default: here. */
  readonly ownLimits?: LimitStore | undefined;
  /** The Redis that filters `cache` may keep answers in, as a connected client of its owner's. Default: none. */
  readonly sharedCache?: RedisCacheClient | undefined;
  /** How late the event loop runs what is due, in milliseconds, for policies that shed. Default: only their queues count. */
  readonly loopDelayMs?: (() => number) | undefined;
  /**
   * Further names, and beginnings of names, of request fields that go no further. Default none; what belongs to a
   * connection, what says whence a request came (`forwarded`, `x-forwarded-…`, `x-real-ip`), its trace and request id, and
   * `x-fairlead-…` are always written anew.
   */
  readonly strip?: { readonly names: readonly string[]; readonly prefixes: readonly string[] };
  /** Whether requests with fields beyond ASCII are refused: not everybody reads them alike. Default false. */
  readonly isAsciiOnly?: boolean;
  /**
   * How long a request that has provably reached nobody waits for an upstream that refuses connections, in milliseconds,
   * within its route's time. Default 0, not at all.
   */
  readonly connectPatienceMs?: number;
  /** How long a WebSocket may be silent both ways, in milliseconds. Default 300 000. 0 means for ever. */
  readonly tunnelIdleMs?: number;
  /** Answers what no route is asked about. Default: nothing. */
  readonly refusal?: (facts: PassageFacts) => LocalAnswer | undefined;
}

/** Nothing left open. */
export type ResolvedEngineOptions = Required<Omit<EngineOptions, PortOfMore>> & Pick<EngineOptions, PortOfMore>;

/** What an engine goes without where it isn't given. */
type PortOfMore = 'refusal' | 'limits' | 'ownLimits' | 'sharedCache' | 'loopDelayMs';

/** Fills in defaults. */
export function resolveEngineOptions(options: EngineOptions): ResolvedEngineOptions {
  return {
    ...options,
    name: options.name ?? 'gateway',
    kinds: options.kinds ?? [],
    strip: options.strip ?? { names: [], prefixes: [] },
    isAsciiOnly: options.isAsciiOnly ?? false,
    connectPatienceMs: options.connectPatienceMs ?? 0,
    tunnelIdleMs: options.tunnelIdleMs ?? 300_000,
  };
}
