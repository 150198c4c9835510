import type { Timer } from '@fairlead/core';
import type { EjectionCause } from './cluster-report.ts';

/** An ejection that lasts. Times are on the clock's wall time. */
export interface Ejection {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly times: number;
  readonly why: EjectionCause;
  readonly timer: Timer;
}

/** Somebody has said that it is not to be asked. Times are on the clock's wall time. */
export interface Barring {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly timer: Timer;
}

/** A penalty that is over: one request decides. */
export interface Probation {
  readonly sinceMs: number;
  readonly times: number;
  readonly why: EjectionCause;
  /** Whether that request is under way. */
  isAsked: boolean;
}

/** What active checks say. */
export interface Checked {
  isHealthy: boolean;
  sinceMs: number;
  /** What came instead of a success; empty when healthy. */
  why: string;
}

/** What is known of a member's conduct. One shape from the beginning to the end. */
export interface Standing {
  /** Failures without a success between them: of any kind, and of gateways or connections. */
  failuresInRow: number;
  gatewayErrorsInRow: number;
  /** In the running interval. */
  intervalAttempts: number;
  intervalFailures: number;
  /** How often it was ejected lately: it grows with each ejection and falls with each interval without one. */
  times: number;
  /** For all or a part of the running interval. */
  wasEjected: boolean;
  /** It would have been ejected since its last success, but so many are. */
  isSpared: boolean;
  ejection: Ejection | undefined;
  probation: Probation | undefined;
  barring: Barring | undefined;
  /** `undefined` when nobody checks. */
  checked: Checked | undefined;
}

export function newStanding(): Standing {
  return {
    failuresInRow: 0,
    gatewayErrorsInRow: 0,
    intervalAttempts: 0,
    intervalFailures: 0,
    times: 0,
    wasEjected: false,
    isSpared: false,
    ejection: undefined,
    probation: undefined,
    barring: undefined,
    checked: undefined,
  };
}

/** Whether it may be asked as things are. */
export function isInGoodStanding({ ejection, probation, barring, checked }: Standing): boolean {
  return barring === undefined && ejection === undefined && probation?.isAsked !== true && checked?.isHealthy !== false;
}
