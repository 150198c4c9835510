// A request's way: listeners.ts → exchange.ts (way.ts finds its route and runs the filters) → a cluster's pool → back
//   engine.ts           starts, swaps snapshots, drains; engine-options.ts, engine-core.ts is what its requests share
//   live-snapshot.ts    a snapshot at work, live-route.ts a route of it, cluster-set.ts its clusters, kept-state.ts what outlives it
//   policed-attempts.ts upload.ts  tunnel.ts   attempts by policy, bodies that stream, other protocols
//   answering-passage.ts told-answer.ts answer-flow.ts held-answer.ts   what a client is told, and what filters make of it
//   side-requests.ts side-call.ts request-copy.ts     requests of the proxy's own: those of filters, and copies
//   edited-lines.ts  problem-answer.ts  failures.ts   what is written
//   trace-spot.ts  outcome-report.ts  deadlines.ts    what is told, and how long it may take
//   inspection.ts       what operators are told: red-window.ts, consumer-table.ts, cluster-watch.ts, cluster-metrics.ts
//   filter.ts  compiled-route.ts                      what filters see
import { backoff, Slots, type Closeable, type Timer } from '@fairlead/core';
import { CACHE_KEY, type CacheControl } from '../filters/cache/cache-control.ts';
import { FieldSieve, type Cluster } from '@fairlead/net';
import { policyWatch } from '@fairlead/policy';
import { challengeAnswer } from '../acme/challenge-answer.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { checkListeners } from './changed-listener.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { Deadlines } from './deadlines.ts';
import type { EngineCore } from './engine-core.ts';
import { resolveEngineOptions, type EngineOptions } from './engine-options.ts';
import { HostNames } from './host-names.ts';
import { EngineInspection } from './inspection.ts';
import { KeptState } from './kept-state.ts';
import { openListener, type OpenListener } from './listeners.ts';
import { LiveSnapshot, type SnapshotPorts } from './live-snapshot.ts';
import { OutcomeReport } from './outcome-report.ts';
import { SideRequests } from './side-requests.ts';
import { TraceIds } from './trace-ids.ts';

/** A proxy at work. */
export interface Engine extends Closeable {
  /** Where each listener is reached, by its name. */
  readonly urls: ReadonlyMap<string, string>;
  /** Hash of the snapshot that new requests begin with. */
  readonly hash: string;
  /** Whether it is shutting down. */
  readonly isDraining: boolean;
  /** What it is doing, for operators. */
  readonly inspection: EngineInspection;
  /** What filters `cache` have stored, of the snapshot at work. */
  readonly caches: readonly CacheControl[];
  /** A cluster of the snapshot that new requests begin with. */
  cluster(name: string): Cluster | undefined;
  /**
   * Takes another snapshot. Requests under way keep the one that they began with, no connection ends, and listeners that
   * both have stay open. If the new one can't be put to work, the old one stays as it is.
   * @throws UNAVAILABLE when a new listener's address can't be had, MISCONFIGURED when one of the same name is another, and
   * whatever a filter or cluster refuses
   */
  swap(snapshot: CompiledSnapshot): Promise<void>;
  /**
   * Accepts no more connections, lets requests under way end within `graceMs` (default 5 000), then cuts them. New ones on open
   * connections are told to come back; with `isReplaced`, when another process listens at the same addresses already, they
   * are answered for half of that time, each being its connection's last.
   */
  close(options?: { readonly graceMs?: number; readonly isReplaced?: boolean }): Promise<void>;
}

const DEFAULT_GRACE_MS = 5_000;
/** Written anew for each upstream; from outside they are claims. */
const REWRITTEN = ['forwarded', 'x-real-ip', 'traceparent', 'tracestate', 'x-request-id'];
const REWRITTEN_PREFIXES = ['x-forwarded-', 'x-fairlead-'];

/**
 * Starts a proxy.
 * @throws UNAVAILABLE when an address can't be listened at, and whatever a filter, policy or cluster refuses of its options
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const resolved = resolveEngineOptions(options);
  const { clock, random, telemetry, strip, name, isAsciiOnly, connectPatienceMs, tunnelIdleMs, refusal } = resolved;
  const { limits, ownLimits, sharedCache, loopDelayMs } = resolved;
  const kept = new KeptState();
  const deadlines = new Deadlines(clock);
  const report = new OutcomeReport(telemetry, clock);
  const watch = new ClusterWatch(telemetry, clock);
  const hosts = new HostNames();
  const answerSieve = new FieldSieve({ drop: ['traceparent', 'x-request-id'], dropPrefixes: ['x-fairlead-'] });
  const requestSieve = new FieldSieve({
    drop: [...REWRITTEN, ...strip.names],
    dropPrefixes: [...REWRITTEN_PREFIXES, ...strip.prefixes],
    dropUnderscores: true,
    note: ['traceparent', 'tracestate', 'x-request-id'],
  });
  const sides = new SideRequests({ name, clock, random, telemetry, report });
  const ports: SnapshotPorts = {
    kinds: resolved.kinds,
    clusters: { clock, random, sieve: answerSieve, kept, watch },
    policies: { clock, random, observe: policyWatch(telemetry), limits, loopDelayMs },
    clock,
    random,
    telemetry,
    limits,
    ownLimits,
    sharedCache,
    deadlines,
    report,
    kept,
    sides,
  };
  const pause = backoff({ baseMs: 50, maxMs: 300, random });
  const core: EngineCore = {
    name,
    clock,
    random,
    telemetry,
    report,
    ids: new TraceIds(random),
    requestSieve,
    answerSieve,
    isAsciiOnly,
    connectPatienceMs,
    tunnelIdleMs,
    underWay: new Slots(),
    snapshot: new LiveSnapshot(options.snapshot, ports),
    isDraining: false,
    onDrained: () => {},
    refusal: (facts) => challengeAnswer(facts, running.listeners) ?? refusal?.(facts),
    hostName: (host) => hosts.nameOf(host),
    pauseMs: (count) => Math.max(10, pause.delayFor(count)),
  };
  const servers = new Map<string, OpenListener>();
  const untold = watch.tell(() => core.snapshot.clusters.values());
  let running = options.snapshot;
  let closing: Promise<void> | undefined;

  /** Opens what a snapshot has and isn't open; all or nothing. */
  async function openNew(snapshot: CompiledSnapshot): Promise<ReadonlyMap<string, OpenListener>> {
    const opened = new Map<string, OpenListener>();
    try {
      for (const listener of snapshot.listeners) {
        if (!servers.has(listener.name)) opened.set(listener.name, await openListener(core, listener));
      }
    } catch (error) {
      await Promise.all([...opened.values()].map((server) => server.close({ graceMs: 0 })));
      throw error;
    }
    return opened;
  }

  async function swap(snapshot: CompiledSnapshot): Promise<void> {
    checkListeners(running, snapshot);
    const next = new LiveSnapshot(snapshot, ports);
    let opened: ReadonlyMap<string, OpenListener>;
    let renewals: readonly ((() => void) | undefined)[];
    try {
      renewals = await Promise.all(
        snapshot.listeners.map(async (listener) => servers.get(listener.name)?.prepare(listener)),
      );
      opened = await openNew(snapshot);
    } catch (error) {
      await next.retire();
      throw error;
    }
    for (const [listener, server] of opened) servers.set(listener, server);
    const before = core.snapshot;
    core.snapshot = next;
    running = snapshot;
    for (const renew of renewals) renew?.();
    report.keepOnly(new Set(snapshot.routes.map((route) => route.name)));
    const names = new Set(snapshot.listeners.map((listener) => listener.name));
    for (const [listener, server] of servers) {
      if (names.has(listener)) continue;
      servers.delete(listener);
      void server.close();
    }
    void before.retire();
  }

  /** Answers what comes on open connections, until there are none or the time is over. */
  async function leave(forMs: number): Promise<void> {
    for (const server of servers.values()) server.drain({ spares: 'idle' });
    const gone = Promise.all([...servers.values()].map((server) => server.closed));
    let late: Timer | undefined;
    await Promise.race([gone, new Promise<void>((resolve) => (late = clock.setTimer(forMs, resolve)))]);
    late?.cancel();
  }

  async function shutDown(graceMs: number): Promise<void> {
    core.isDraining = true;
    for (const server of servers.values()) server.drain({ spares: 'fresh' });
    const late = clock.setTimer(graceMs, () => {
      for (const exchange of core.underWay) exchange.cutShort();
    });
    if (core.underWay.size > 0) await new Promise<void>((resolve) => (core.onDrained = resolve));
    late.cancel();
    // Answers that are still on their way have a little longer.
    await Promise.all([...servers.values()].map((server) => server.close({ graceMs: LAST_WORDS_MS })));
    untold();
    sides.close();
    await core.snapshot.retire();
    deadlines.close();
  }

  try {
    for (const [listener, server] of await openNew(running)) servers.set(listener, server);
  } catch (error) {
    untold();
    await core.snapshot.retire();
    throw error;
  }
  const engine: Engine = {
    get urls() {
      return new Map([...servers].map(([listener, server]) => [listener, server.url]));
    },
    get hash() {
      return core.snapshot.hash;
    },
    get isDraining() {
      return core.isDraining;
    },
    inspection: new EngineInspection(core, servers, watch),
    get caches() {
      // `as`: what is kept under this name is what the filter `cache` keeps.
      return kept.valuesOf(CACHE_KEY) as readonly CacheControl[];
    },
    cluster: (cluster) => core.snapshot.clusters.get(cluster),
    swap,
    close({ graceMs = DEFAULT_GRACE_MS, isReplaced = false } = {}) {
      closing ??= isReplaced ? leave(graceMs / 2).then(() => shutDown(graceMs / 2)) : shutDown(graceMs);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await engine.close();
    },
  };
  return engine;
}

/** How long a client has for an answer that tells it of the end. */
const LAST_WORDS_MS = 1_000;
