// cluster-types.ts     what callers see of a cluster; cluster-report.ts what it tells people, cluster-event.ts logs
// cluster-options.ts   how one behaves; health-options.ts and outlier-options.ts are parts of it
// member.ts            an endpoint and what is known of it: peak-ewma.ts its latency, standing.ts its conduct
// roster.ts            who is in the cluster, and who has left but is not done
// lineup.ts            those that may be asked; slow-start.ts what share newcomers have
// balancer.ts          who of them is asked: two-choices.ts, round-robin.ts, ring-hash.ts, maglev.ts, random-draw.ts;
//                      near-first.ts puts the own zone before them
// outlier-detector.ts  who is left out: ejection-detector.ts as Envoy, probation-detector.ts as Linkerd; ejector.ts
// active-checks.ts     asks endpoints how they are, by prober.ts
// circuit.ts           how much may be under way
// discovery.ts         where endpoints come from: dns-endpoints.ts is one such place, resolver.ts what it asks
import type { Closeable, CloseOptions, Timer } from '@fairlead/core';
import { ActiveChecks } from './active-checks.ts';
import type { Balancer } from './balancer.ts';
import type { ClusterRefusal } from './circuit-limits.ts';
import { Circuit } from './circuit.ts';
import { resolveClusterOptions, type ClusterOptions, type ResolvedClusterOptions } from './cluster-options.ts';
import type { ClusterReport } from './cluster-report.ts';
import type { AttemptOutcome, Cluster, ClusterEndpoint, Picked } from './cluster-types.ts';
import { createBalancer } from './create-balancer.ts';
import { EjectionDetector } from './ejection-detector.ts';
import { endpointReport } from './endpoint-report.ts';
import { Lineup } from './lineup.ts';
import { Member, type MemberWatch } from './member.ts';
import { NearFirst } from './near-first.ts';
import { isOut } from './ejector.ts';
import { judge, type OutlierDetector, type OutlierWorld } from './outlier-detector.ts';
import { ProbationDetector } from './probation-detector.ts';
import { Roster } from './roster.ts';
import { isInGoodStanding } from './standing.ts';

const DEFAULT_GRACE_MS = 5_000;

/**
 * A cluster: endpoints with their pools, who of them takes a request, and who is left out. It begins at once with what its
 * discovery knows, be that nobody.
 * @throws MISCONFIGURED
 */
export function openCluster(options: ClusterOptions): Cluster {
  return new PooledCluster(resolveClusterOptions(options));
}

class PooledCluster implements Cluster, MemberWatch {
  readonly name: string;
  refusal: ClusterRefusal = 'no-endpoints';
  readonly #options: ResolvedClusterOptions;
  readonly #circuit: Circuit;
  readonly #roster: Roster;
  readonly #balancer: Balancer;
  readonly #outliers: OutlierDetector | undefined;
  readonly #checks: ActiveChecks | undefined;
  readonly #discovery: Closeable;
  /** Whether anybody may be asked. */
  #isOpen = false;
  /** Who is asked, when it is only one. */
  #only: Member | undefined;
  #isPanicking = false;
  #warming: Timer | undefined;
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: ResolvedClusterOptions) {
    const { clock, random, zone, observe, outliers, health, makeProber } = options;
    this.name = options.name;
    this.#options = options;
    this.#circuit = new Circuit(options.limits);
    this.#roster = new Roster(options, this);
    this.#balancer =
      zone === undefined ? createBalancer(options) : new NearFirst(zone, random, () => createBalancer(options));
    const world: OutlierWorld = {
      clock,
      random,
      observe,
      members: () => this.#roster.members,
      onChange: (member, isBack) => {
        if (isBack) this.#welcome(member);
        this.#refresh();
      },
    };
    if (outliers !== 'off') {
      this.#outliers =
        outliers.kind === 'probation' ? new ProbationDetector(outliers, world) : new EjectionDetector(outliers, world);
    }
    if (health !== undefined) {
      this.#checks = new ActiveChecks(health, {
        clock,
        random,
        makeProber,
        onSuccess: (member) => this.#outliers?.absolve(member, 'active-check'),
        onChange: (member) => this.#checked(member),
      });
    }
    this.#discovery = options.discovery.watch({
      onEndpoints: (endpoints) => this.update(endpoints),
      onFailure: (why) => observe({ kind: 'discovery-failed', why, endpoints: this.#roster.members.length }),
    });
  }

  pick(hash?: number, avoid?: Picked): Picked | undefined {
    if (!this.#isOpen) return this.#refuse(this.#whyShut());
    const circuit = this.#circuit;
    if (circuit.requests >= circuit.limits.maxRequests) return this.#refuse('max-requests');
    const member = this.#only ?? this.#balancer.pick(hash, avoid instanceof Member ? avoid : undefined);
    if (member === undefined) return this.#refuse('no-healthy-endpoints');
    if (avoid !== undefined) circuit.repeats += 1;
    return circuit.isPendingFull(member) ? this.#refuse('max-pending') : member;
  }

  beginRetry(): boolean {
    const circuit = this.#circuit;
    if (circuit.retries >= circuit.limits.maxRetries) {
      this.#refuse('max-retries');
      return false;
    }
    circuit.retries += 1;
    return true;
  }

  endRetry(): void {
    this.#circuit.retries -= 1;
  }

  began(member: Member): void {
    this.#circuit.began(member);
    this.#outliers?.began(member);
  }

  ended(member: Member, outcome: AttemptOutcome, latencyMs: number): void {
    const nowMs = this.#options.clock.monotonic();
    this.#circuit.ended(member);
    member.attempts += 1;
    member.spentMs += latencyMs;
    if (outcome === 'ok') {
      member.latency.observe(latencyMs, nowMs);
      member.missesInRow = 0;
    } else {
      member.latency.observeAtLeast(latencyMs, nowMs);
      if (outcome !== 'cancelled') member.missesInRow += 1;
      if (judge(outcome) !== 'nothing') member.failures += 1;
    }
    if (member.isRetired) {
      if (member.inFlight === 0) this.#roster.dismiss(member);
    } else {
      this.#outliers?.ended(member, outcome);
    }
    if (this.#circuit.requests === 0) this.#onIdle?.();
  }

  update(endpoints: readonly ClusterEndpoint[]): void {
    if (this.#closed !== undefined) return;
    const change = this.#roster.replace(endpoints);
    for (const member of change.removed) this.#farewell(member);
    const hasOthers = this.#roster.members.some((member) => member.isEligible && !change.added.includes(member));
    for (const member of change.added) {
      this.#checks?.add(member, !hasOthers);
      if (hasOthers) this.#welcome(member);
    }
    this.#refresh();
    if (change.added.length === 0 && change.removed.length === 0) return;
    this.#options.observe({ kind: 'updated', added: addressesOf(change.added), removed: addressesOf(change.removed) });
  }

  eject(address: string, { forMs, evenLast = false }: { readonly forMs: number; readonly evenLast?: boolean }) {
    const meant = this.#roster.members.filter((member) => member.address === address);
    if (meant.length === 0) return 'unknown';
    if (!evenLast && !this.#roster.members.some((member) => member.isEligible && member.address !== address))
      return 'last';
    const { clock, observe } = this.#options;
    const sinceMs = clock.now();
    const untilMs = sinceMs + forMs;
    for (const member of meant) {
      member.standing.barring?.timer.cancel();
      const timer = clock.setTimer(forMs, () => this.#unbar(member, 'time'));
      member.standing.barring = { sinceMs, untilMs, timer };
    }
    observe({ kind: 'ejected', address, untilMs, times: 1, why: { kind: 'operator' } });
    this.#refresh();
    return 'ejected';
  }

  restore(address: string) {
    const meant = this.#roster.members.filter((member) => member.address === address);
    if (meant.length === 0) return 'unknown';
    const out = meant.filter((member) => member.standing.barring !== undefined || isOut(member));
    if (out.length === 0) return 'not-ejected';
    for (const member of out) {
      this.#outliers?.absolve(member, 'operator');
      if (member.standing.barring !== undefined) this.#unbar(member, 'operator');
    }
    return 'restored';
  }

  inspect(): ClusterReport {
    const { clock, slowStart, balancer } = this.#options;
    const { requests, pending, retries, repeats, limits, refused } = this.#circuit;
    return {
      name: this.name,
      balancer,
      isPanicking: this.#isPanicking,
      endpoints: this.#roster.members.map((member) => endpointReport(member, clock, slowStart)),
      zones: this.#balancer instanceof NearFirst ? Object.fromEntries(this.#balancer.shares) : undefined,
      inFlight: requests,
      pending,
      retries,
      repeats,
      limits,
      refused: { ...refused },
    };
  }

  close({ graceMs = DEFAULT_GRACE_MS }: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#isOpen = false;
    this.#warming?.cancel();
    this.#outliers?.close();
    for (const member of this.#roster.members) unbarred(member);
    await Promise.all([this.#discovery.close(), this.#checks?.close()]);
    if (this.#circuit.requests > 0 && graceMs > 0) await this.#idle(graceMs);
    await this.#roster.close();
  }

  /** Resolves when nothing is under way, or after that time. */
  #idle(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(graceMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #refuse(refusal: ClusterRefusal): undefined {
    this.refusal = refusal;
    this.#circuit.refused[refusal] += 1;
    return undefined;
  }

  #whyShut(): ClusterRefusal {
    if (this.#closed !== undefined) return 'closed';
    return this.#roster.members.length === 0 ? 'no-endpoints' : 'no-healthy-endpoints';
  }

  #checked(member: Member): void {
    if (member.standing.checked?.isHealthy === true) {
      this.#options.observe({ kind: 'healthy', address: member.address });
      this.#welcome(member);
    } else {
      const why = member.standing.checked?.why ?? '';
      this.#options.observe({ kind: 'unhealthy', address: member.address, why });
    }
    this.#refresh();
  }

  /** Who is new or back is taken to be as quick as the others, and comes to its share slowly, if there is anybody else. */
  #welcome(member: Member): void {
    const { clock, slowStart, initialLatencyMs } = this.#options;
    const nowMs = clock.monotonic();
    const others = this.#roster.members.filter((other) => other !== member && other.isEligible);
    const sumMs = others.reduce((sum, { latency }) => sum + latency.at(nowMs), 0);
    member.latency.restart(others.length === 0 ? initialLatencyMs : sumMs / others.length, nowMs);
    member.missesInRow = 0;
    if (slowStart.windowMs === 0 || others.length === 0) return;
    member.warmSinceMs = nowMs;
    member.warmUntilMs = nowMs + slowStart.windowMs;
  }

  /** The time is over for which it was left out, or somebody says so. */
  #unbar(member: Member, because: 'time' | 'operator'): void {
    unbarred(member);
    this.#welcome(member);
    this.#options.observe({ kind: 'returned', address: member.address, because });
    this.#refresh();
  }

  #farewell(member: Member): void {
    unbarred(member);
    this.#outliers?.forget(member);
    this.#checks?.forget(member);
    if (member.inFlight === 0) this.#roster.dismiss(member);
  }

  /** Who may be asked now, and with how much of their weights. */
  #refresh(): void {
    if (this.#closed !== undefined) return;
    const { clock, random, slowStart, panicThreshold } = this.#options;
    const all = this.#roster.members;
    const healthy = all.filter(({ standing }) => isInGoodStanding(standing));
    // Whom somebody has taken out is not asked even in a panic.
    const allowed = all.filter(({ standing }) => standing.barring === undefined);
    const isPanicking = healthy.length < allowed.length * panicThreshold;
    const eligible = isPanicking ? allowed : healthy;
    for (const member of all) {
      member.isEligible = isPanicking ? member.standing.barring === undefined : isInGoodStanding(member.standing);
    }
    this.#isOpen = eligible.length > 0;
    this.#only = eligible.length === 1 ? eligible[0] : undefined;
    const isWarming = this.#awaitWarm(eligible);
    if (this.#isOpen) {
      this.#balancer.use(new Lineup({ all, eligible, isWarming, isPanicking }, { clock, random, slowStart }));
    }
    if (isPanicking === this.#isPanicking) return;
    this.#isPanicking = isPanicking;
    this.#options.observe({ kind: 'panic', isPanicking, healthy: healthy.length, endpoints: all.length });
  }

  /** Whether somebody is warming up; then it is looked at again when the first of them is done. */
  #awaitWarm(eligible: readonly Member[]): boolean {
    const { clock } = this.#options;
    const nowMs = clock.monotonic();
    const nextMs = Math.min(...eligible.map(({ warmUntilMs }) => (warmUntilMs > nowMs ? warmUntilMs : Infinity)));
    this.#warming?.cancel();
    this.#warming = nextMs === Infinity ? undefined : clock.setTimer(nextMs - nowMs, () => this.#refresh());
    return nextMs < Infinity;
  }
}

function unbarred({ standing }: Member): void {
  standing.barring?.timer.cancel();
  standing.barring = undefined;
}

function addressesOf(members: readonly Member[]): string[] {
  return members.map(({ address }) => address);
}
