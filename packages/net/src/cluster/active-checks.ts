import type { Clock, Random, Timer } from '@fairlead/core';
import type { ResolvedHealth } from './health-options.ts';
import type { Member } from './member.ts';
import type { Finding, MakeProber, Prober } from './prober.ts';
import type { Checked } from './standing.ts';

/** What active checks stand in. */
export interface ChecksWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly makeProber: MakeProber;
  /** A check has succeeded, the thresholds aside. */
  readonly onSuccess: (member: Member) => void;
  /** It has become healthy or unhealthy; see its standing. `isFirst` when nothing was known before. */
  readonly onChange: (member: Member, isFirst: boolean) => void;
}

/** Asks all members again and again how they are, newcomers at once: their first check decides alone. */
export class ActiveChecks {
  readonly #options: ResolvedHealth;
  readonly #world: ChecksWorld;
  readonly #rounds = new Map<Member, Round>();
  /** Of those that left. */
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ResolvedHealth, world: ChecksWorld) {
    this.#options = options;
    this.#world = world;
  }

  /** @param isTrusted whether it counts as healthy until its first check has ended */
  add(member: Member, isTrusted: boolean): void {
    const why = isTrusted ? '' : 'its first check has not ended';
    const checked = { isHealthy: isTrusted, sinceMs: this.#world.clock.now(), why };
    member.standing.checked = checked;
    const prober = this.#world.makeProber(member.endpoint, this.#options, member.host);
    this.#rounds.set(member, new Round(member, checked, prober, this.#options, this.#world));
  }

  forget(member: Member): void {
    const round = this.#rounds.get(member);
    if (round === undefined) return;
    this.#rounds.delete(member);
    const ending = round.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Resolves when no check is under way any more. */
  async close(): Promise<void> {
    for (const member of this.#rounds.keys()) this.forget(member);
    await Promise.all(this.#ending);
  }
}

/** The checks of one member. */
class Round {
  readonly #member: Member;
  readonly #checked: Checked;
  readonly #prober: Prober;
  readonly #options: ResolvedHealth;
  readonly #world: ChecksWorld;
  readonly #end = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void>;
  #isFirst = true;
  /** Results in a row that speak against the present state. */
  #against = 0;

  constructor(member: Member, checked: Checked, prober: Prober, options: ResolvedHealth, world: ChecksWorld) {
    this.#member = member;
    this.#checked = checked;
    this.#prober = prober;
    this.#options = options;
    this.#world = world;
    this.#running = this.#check();
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#timer?.cancel();
    await this.#running;
  }

  async #check(): Promise<void> {
    const finding = await this.#prober.probe(this.#end.signal);
    if (this.#end.signal.aborted) return;
    this.#found(finding);
    const { intervalMs, unhealthyIntervalMs, jitterRatio } = this.#options;
    const base = this.#checked.isHealthy ? intervalMs : unhealthyIntervalMs;
    this.#timer = this.#world.clock.setTimer(base * (1 + this.#world.random.next() * jitterRatio), () => {
      this.#running = this.#check();
    });
  }

  #found(finding: Finding): void {
    const isHealthy = finding.kind === 'healthy';
    const wasFirst = this.#isFirst;
    this.#isFirst = false;
    if (isHealthy) this.#world.onSuccess(this.#member);
    if (finding.kind === 'unhealthy' && !this.#checked.isHealthy) this.#checked.why = finding.why;
    if (isHealthy === this.#checked.isHealthy) {
      this.#against = 0;
      return;
    }
    this.#against += 1;
    if (!wasFirst && !isDecisive(finding) && this.#against < this.#needed(isHealthy)) return;
    this.#against = 0;
    this.#checked.isHealthy = isHealthy;
    this.#checked.sinceMs = this.#world.clock.now();
    this.#checked.why = finding.kind === 'healthy' ? '' : finding.why;
    this.#world.onChange(this.#member, wasFirst);
  }

  #needed(isHealthy: boolean): number {
    return isHealthy ? this.#options.healthyThreshold : this.#options.unhealthyThreshold;
  }
}

function isDecisive(finding: Finding): boolean {
  return finding.kind === 'unhealthy' && finding.isSaid;
}
