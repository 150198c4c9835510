import type { Clock } from '@fairlead/core';
import type { CacheControl, CacheCounts, CacheEntryReport, CachePurge, CacheReport } from './cache-control.ts';
import { resourceOf, type KeySettings } from './cache-key.ts';
import type { CacheStore, PurgeQuery } from './cache-store.ts';
import type { Entry } from './entry.ts';
import type { Flight } from './flight.ts';

/** An answer that is on its way into a cache. */
export interface Arriving {
  readonly resource: string;
  /** Known when its head has come. */
  tags: readonly string[] | undefined;
  /** It was purged before it came: it is not stored. */
  isDoomed: boolean;
}

/** For how long what turned out not to be stored is asked for without waiting for others. */
const UNSHARED_MS = 10_000;
const MOST_UNSHARED = 1_000;

/** What is stored under one name, and what is under way to it. It outlives changes of the configuration. */
export class Cache implements CacheControl {
  readonly zone: string;
  readonly store: CacheStore;
  readonly counts: CacheCounts = {
    hits: 0,
    staleHits: 0,
    misses: 0,
    validated: 0,
    stored: 0,
    collapsed: 0,
    bypassed: 0,
    refreshed: 0,
  };
  /** Requests that others wait for, by partition and resource. */
  readonly flights = new Map<string, Flight>();
  /** What is asked for anew behind a client's back, likewise. */
  readonly refreshing = new Set<string>();
  readonly #clock: Clock;
  readonly #key: KeySettings;
  readonly #arriving = new Set<Arriving>();
  /** What had best not be waited for, and until when. */
  readonly #unshared = new Map<string, number>();

  constructor(zone: string, store: CacheStore, key: KeySettings, clock: Clock) {
    this.zone = zone;
    this.store = store;
    this.#key = key;
    this.#clock = clock;
  }

  /** An answer is asked for, to be stored. */
  arriving(resource: string): Arriving {
    const arriving: Arriving = { resource, tags: undefined, isDoomed: false };
    this.#arriving.add(arriving);
    return arriving;
  }

  /** It is stored, or never will be. */
  arrived(arriving: Arriving): void {
    this.#arriving.delete(arriving);
  }

  /** What turned out not to be stored: others needn't wait for it. */
  unshare(flightKey: string): void {
    if (this.#unshared.size >= MOST_UNSHARED) {
      const [oldest] = this.#unshared.keys();
      if (oldest !== undefined) this.#unshared.delete(oldest);
    }
    this.#unshared.set(flightKey, this.#clock.monotonic() + UNSHARED_MS);
  }

  isUnshared(flightKey: string): boolean {
    const untilMs = this.#unshared.get(flightKey);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.monotonic()) return true;
    this.#unshared.delete(flightKey);
    return false;
  }

  /** Forgets answers to a URL, also those under way; whoever asks from now on doesn't wait for them. */
  invalidate(resource: string): void {
    const purged = this.#purge({ kind: 'resource', resource });
    // What the store couldn't do it has told of.
    if (purged instanceof Promise) purged.catch(() => undefined);
  }

  async purge(purge: CachePurge): Promise<number> {
    if (purge.kind !== 'url') return this.#purge(purge);
    const resource = this.#resource(purge.url);
    return resource === undefined ? 0 : this.#purge({ kind: 'resource', resource });
  }

  report(): CacheReport {
    return { zone: this.zone, underWay: this.#arriving.size, ...this.counts, ...this.store.report() };
  }

  async entries(most: number): Promise<readonly CacheEntryReport[]> {
    const nowMs = this.#clock.monotonic();
    return (await this.store.list(most)).map((entry) => entryReport(entry, nowMs));
  }

  async close(): Promise<void> {
    for (const flight of this.flights.values()) flight.disperse();
    await this.store.close();
  }

  #purge(query: PurgeQuery): number | Promise<number> {
    for (const arriving of this.#arriving) if (isMeant(arriving, query)) arriving.isDoomed = true;
    // Who waits already has asked before; who comes now asks anew.
    if (query.kind !== 'resource') this.flights.clear();
    else for (const key of this.flights.keys()) if (key.endsWith(`\n${query.resource}`)) this.flights.delete(key);
    return this.store.purge(query);
  }

  /** `undefined` when it is no URL: of such nothing is stored. */
  #resource(url: string): string | undefined {
    const parsed = URL.parse(url);
    if (parsed === null) return undefined;
    const { protocol, hostname, pathname, search } = parsed;
    return resourceOf({ isTls: protocol === 'https:', host: hostname, path: pathname, query: search }, this.#key);
  }
}

/** What has no head yet may name any group. */
function isMeant({ resource, tags }: Arriving, query: PurgeQuery): boolean {
  if (query.kind === 'all') return true;
  return query.kind === 'tag' ? (tags?.includes(query.tag) ?? true) : resource === query.resource;
}

function entryReport(entry: Entry, nowMs: number): CacheEntryReport {
  const { resource, partition, status, lifetimeMs, tags, selecting } = entry.record;
  const ageMs = entry.ageMs(nowMs);
  return {
    url: resource,
    partition,
    status,
    bytes: entry.bodyBytes,
    ageS: Math.floor(ageMs / 1_000),
    ttlS: Math.floor((lifetimeMs - ageMs) / 1_000),
    tags,
    vary: selecting.map(([name]) => name),
  };
}
