import { CORE_ERRORS, FairleadError } from '@fairlead/core';

/**
 * Which lines about requests that went well are written. Of each operation, in each second: the first
 * `firstPerSecond` (default 100; 0: none), as long as all operations together have not had `allPerSecond` (default 1 000; 0: each
 * has its first one only); after them one of `thenOneOf` (default 100; 0: none).
 */
export type AccessLineOptions =
  | 'everything'
  | {
      readonly firstPerSecond?: number | undefined;
      readonly allPerSecond?: number | undefined;
      readonly thenOneOf?: number | undefined;
    };

/** What becomes of the lines of one operation. Failures don't come here: their lines are always written. */
export interface AccessLineGate {
  /**
   * Whether a line is written at this monotonic time: how many of the operation have been left out since the last that was
   * written, for the line to say so, or `undefined` when this one is left out too.
   */
  pass(atMs: number): number | undefined;
}

/** The access lines of a service. */
export interface AccessLines {
  /** The gate of an operation, the same each time. Ask for few different ones: never with an id in the name. */
  of(operation: string): AccessLineGate;
}

/** Access lines and what has become of them. */
export interface CountedAccessLines extends AccessLines {
  /** How many lines of each operation have been left out. */
  omitted(): Iterable<readonly [operation: string, lines: number]>;
}

const WINDOW_MS = 1000;
const DEFAULTS = { firstPerSecond: 100, allPerSecond: 1_000, thenOneOf: 100 };

/**
 * Gates that are open at human rates and let samples through above them, as zap's sampling core does.
 * @throws MISCONFIGURED when a number is not whole or below 0
 */
export function accessLines(options: AccessLineOptions = {}): CountedAccessLines {
  const gates = new Map<string, Gate>();
  const { firstPerSecond, allPerSecond, thenOneOf } = resolve(options);
  const all = new Allowance(allPerSecond);
  return {
    of(operation) {
      const known = gates.get(operation) ?? new Gate(firstPerSecond, all, thenOneOf);
      gates.set(operation, known);
      return known;
    },
    omitted: () => [...gates].map(([operation, gate]) => [operation, gate.omitted] as const),
  };
}

function resolve(options: AccessLineOptions): typeof DEFAULTS {
  if (options === 'everything') return { firstPerSecond: Infinity, allPerSecond: Infinity, thenOneOf: 0 };
  const resolved = { ...DEFAULTS, ...defined(options) };
  for (const [name, value] of Object.entries(resolved)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    const message = `accessLines.${name} is ${value}; give a whole number of 0 or more.`;
    throw new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
  }
  return resolved;
}

function defined({ firstPerSecond, allPerSecond, thenOneOf }: Exclude<AccessLineOptions, string>) {
  return {
    ...(firstPerSecond === undefined ? {} : { firstPerSecond }),
    ...(allPerSecond === undefined ? {} : { allPerSecond }),
    ...(thenOneOf === undefined ? {} : { thenOneOf }),
  };
}

/** What all operations share: a thousand that are asked for in turn would else write as much as a busy one. */
class Allowance {
  readonly #perSecond: number;
  #windowEndsAtMs = -Infinity;
  #taken = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether there is one left at this time; it is taken then. */
  take(atMs: number): boolean {
    if (atMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = atMs + WINDOW_MS;
      this.#taken = 0;
    }
    this.#taken += 1;
    return this.#taken <= this.#perSecond;
  }
}

class Gate implements AccessLineGate {
  readonly #first: number;
  readonly #all: Allowance;
  readonly #thenOneOf: number;
  /** Whole: a number that isn't is kept elsewhere, and of many gates that is far away. */
  #windowEndsAtMs = 0;
  /** Lines that came in this window. */
  #came = 0;
  /** Those of them that were none of the first. */
  #beyond = 0;
  /** Left out since a line was written. */
  #unsaid = 0;
  /** Left out in all. */
  omitted = 0;

  constructor(first: number, all: Allowance, thenOneOf: number) {
    this.#first = first;
    this.#all = all;
    this.#thenOneOf = thenOneOf;
  }

  pass(atMs: number): number | undefined {
    if (atMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = Math.ceil(atMs) + WINDOW_MS;
      this.#came = 0;
      this.#beyond = 0;
    }
    this.#came += 1;
    if (!this.#isWritten(atMs)) {
      this.#unsaid += 1;
      this.omitted += 1;
      return undefined;
    }
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
  #isWritten(atMs: number): boolean {
    if (this.#came <= this.#first) {
      const hasRoom = this.#all.take(atMs);
      // A rare operation is seen beside any number of busy ones.
      if (hasRoom || this.#came === 1) return true;
    }
    this.#beyond += 1;
    return this.#thenOneOf !== 0 && this.#beyond % this.#thenOneOf === 0;
  }
}
