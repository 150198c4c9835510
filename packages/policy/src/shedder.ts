import type { Criticality, Random } from '@fairlead/core';
import type { ResolvedShed } from './shed-options.ts';

/** What a shedder looks at and draws from. */
export interface ShedderPorts {
  readonly random: Random;
  /**
   * How long the first of the queue has been waiting, in milliseconds; see `Gate.queueDelayMs`. Default: there is no
   * queue.
   */
  readonly queueDelayMs?: ((nowMs: number) => number) | undefined;
  /** How late the event loop has been running timers lately, in milliseconds. Default: nobody measures it. */
  readonly loopDelayMs?: (() => number) | undefined;
}

/** Everything about a shedder, as it is now. */
export interface ShedState {
  /** Whether the last interval had too much work. */
  readonly overloaded: boolean;
  /** The share of all calls that is let in, 0–1. */
  readonly admittedRatio: number;
  /** The share of each kind that is turned away, 0–1. */
  readonly shedRatio: Readonly<Record<Criticality, number>>;
  /** What the last interval measured, in milliseconds. */
  readonly queueDelayMs: number;
  readonly loopDelayMs: number;
  /** Since it was made, by kind. */
  readonly admitted: Readonly<Record<Criticality, number>>;
  readonly shed: Readonly<Record<Criticality, number>>;
}

/** First to be turned away first. */
const ORDER = ['sheddable', 'default', 'critical'] as const satisfies readonly Criticality[];
/** The queue is looked at so often in an interval, if there are calls to look. */
const LOOKS = 10;

/**
 * Decides by criticality who goes on while there is too much work. At the end of an interval that had too much the
 * share of calls that is let in sinks, else it rises; what is to be turned away is taken from the least critical first,
 * by how many of each kind the interval had, so that a kind suffers only when all below it are turned away.
 *
 * Source: DAGOR, the overload control of WeChat (Zhou et al., SoCC 2018), for the feedback and its default steps; the
 * minimum over an interval as the sign of a standing queue is CoDel's (Nichols and Jacobson, 2012).
 */
export class Shedder {
  readonly #options: ResolvedShed;
  readonly #ports: ShedderPorts;
  readonly #arrived: Record<Criticality, number> = { critical: 0, default: 0, sheddable: 0 };
  readonly #shedRatio: Record<Criticality, number> = { critical: 0, default: 0, sheddable: 0 };
  readonly #admitted: Record<Criticality, number> = { critical: 0, default: 0, sheddable: 0 };
  readonly #shed: Record<Criticality, number> = { critical: 0, default: 0, sheddable: 0 };
  #admittedRatio = 1;
  #overloaded = false;
  #intervalEndsAtMs = -Infinity;
  #looksAtMs = -Infinity;
  /** The least of this interval; `Infinity` before the first look. */
  #leastDelayMs = Infinity;
  #queueDelayMs = 0;
  #loopDelayMs = 0;

  constructor(options: ResolvedShed, ports: ShedderPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Whether a call goes on. */
  admits(criticality: Criticality, nowMs: number): boolean {
    if (nowMs >= this.#intervalEndsAtMs) this.#endInterval(nowMs);
    if (nowMs >= this.#looksAtMs) this.#look(nowMs);
    this.#arrived[criticality] += 1;
    const ratio = this.#shedRatio[criticality];
    const admitted = ratio === 0 || (ratio < 1 && this.#ports.random.next() >= ratio);
    if (admitted) this.#admitted[criticality] += 1;
    else this.#shed[criticality] += 1;
    return admitted;
  }

  /** When everybody would be let in again if from now on there were not too much work, in milliseconds. */
  retryAfterMs(): number {
    const { recovery, intervalMs } = this.#options;
    return Math.ceil((1 - this.#admittedRatio) / recovery) * intervalMs;
  }

  inspect(): ShedState {
    return {
      overloaded: this.#overloaded,
      admittedRatio: this.#admittedRatio,
      shedRatio: { ...this.#shedRatio },
      queueDelayMs: this.#queueDelayMs,
      loopDelayMs: this.#loopDelayMs,
      admitted: { ...this.#admitted },
      shed: { ...this.#shed },
    };
  }

  #look(nowMs: number): void {
    this.#looksAtMs = nowMs + this.#options.intervalMs / LOOKS;
    const delayMs = this.#ports.queueDelayMs?.(nowMs) ?? 0;
    if (delayMs < this.#leastDelayMs) this.#leastDelayMs = delayMs;
  }

  #endInterval(nowMs: number): void {
    const { queueDelayMs, loopDelayMs, intervalMs, step, recovery, max } = this.#options;
    this.#queueDelayMs = this.#leastDelayMs === Infinity ? 0 : this.#leastDelayMs;
    this.#loopDelayMs = this.#ports.loopDelayMs?.() ?? 0;
    this.#overloaded = this.#queueDelayMs > queueDelayMs || this.#loopDelayMs > loopDelayMs;
    // Intervals in which nobody came had not too much.
    const idle = this.#intervalEndsAtMs === -Infinity ? 0 : Math.floor((nowMs - this.#intervalEndsAtMs) / intervalMs);
    const after = this.#overloaded ? this.#admittedRatio * (1 - step) : this.#admittedRatio + recovery;
    this.#admittedRatio = Math.min(1, Math.max(1 - max, after) + idle * recovery);
    // A sum of hundredths ends near 1, not at it.
    if (this.#admittedRatio > 1 - 1e-9) this.#admittedRatio = 1;
    this.#share();
    for (const kind of ORDER) this.#arrived[kind] = 0;
    this.#intervalEndsAtMs = nowMs + intervalMs;
    this.#looksAtMs = nowMs;
    this.#leastDelayMs = Infinity;
  }

  /** Takes what is too much from the least critical first. */
  #share(): void {
    const { sheddable, default: usual, critical } = this.#arrived;
    const all = sheddable + usual + critical;
    let excess = (1 - this.#admittedRatio) * all;
    for (const kind of ORDER) {
      const arrived = this.#arrived[kind];
      // Of a kind that nobody came of, nobody is let in while more critical ones are turned away.
      if (excess <= 0) this.#shedRatio[kind] = 0;
      else this.#shedRatio[kind] = arrived === 0 ? 1 : Math.min(1, excess / arrived);
      excess -= arrived;
    }
  }
}
