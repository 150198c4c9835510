import type { ReturnReason } from './cluster-event.ts';
import type { EjectionCause } from './cluster-report.ts';
import type { Member } from './member.ts';
import type { OutlierWorld } from './outlier-detector.ts';

/** How many may be left out at once. */
export interface EjectionBounds {
  readonly maxEjectedRatio: number;
  readonly mayEjectOnly: boolean;
}

/** Leaves members out, never more than may be. */
export class Ejector {
  readonly #world: OutlierWorld;
  readonly #bounds: EjectionBounds;
  /** What happens when an ejection's time is over. */
  readonly #onOver: (member: Member, why: EjectionCause) => void;

  constructor(world: OutlierWorld, bounds: EjectionBounds, onOver: (member: Member, why: EjectionCause) => void) {
    this.#world = world;
    this.#bounds = bounds;
    this.#onOver = onOver;
  }

  /** False when so many are ejected already that this one has to stay. */
  eject(member: Member, why: EjectionCause, durationMs: number, times: number): boolean {
    const { clock, observe, onChange, members } = this.#world;
    const { standing, address } = member;
    standing.failuresInRow = 0;
    standing.gatewayErrorsInRow = 0;
    const everybody = members();
    const ejected = everybody.filter(isOut).length;
    const mayBeEjected = mostOf(everybody.length, this.#bounds);
    if (ejected >= mayBeEjected) {
      // Once is enough: who goes on failing does so many times a second.
      if (!standing.isSpared) observe({ kind: 'spared', address, why, ejected, mayBeEjected });
      standing.isSpared = true;
      return false;
    }
    const sinceMs = clock.now();
    const untilMs = sinceMs + durationMs;
    const timer = clock.setTimer(durationMs, () => {
      standing.ejection = undefined;
      this.#onOver(member, why);
    });
    standing.times = times;
    standing.wasEjected = true;
    standing.ejection = { sinceMs, untilMs, times, why, timer };
    observe({ kind: 'ejected', address, untilMs, times, why });
    onChange(member, false);
    return true;
  }

  /** It is back, for that reason. */
  release(member: Member, because: ReturnReason): void {
    this.drop(member);
    this.#world.observe({ kind: 'returned', address: member.address, because });
    this.#world.onChange(member, true);
  }

  /** Forgets that it was ejected, without a word. */
  drop({ standing }: Member): void {
    standing.ejection?.timer.cancel();
    standing.ejection = undefined;
    standing.probation = undefined;
  }
}

/** Whether it is ejected, or still to prove itself. */
export function isOut({ standing }: Member): boolean {
  return standing.ejection !== undefined || standing.probation !== undefined;
}

function mostOf(endpoints: number, { maxEjectedRatio, mayEjectOnly }: EjectionBounds): number {
  if (endpoints === 1) return mayEjectOnly ? 1 : 0;
  return Math.max(1, Math.floor(endpoints * maxEjectedRatio));
}
