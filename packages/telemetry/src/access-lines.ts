import { CORE_ERRORS, FairleadError } from '@fairlead/core';

/**
 * Which lines about requests that went well are written. Of each operation, in each second: the first
 * `firstPerSecond` (default 100; 0: none), after them one of `thenOneOf` (default 100; 0: none).
 */
export type AccessLineOptions =
  | 'everything'
  | { readonly firstPerSecond?: number | undefined; readonly thenOneOf?: number | undefined };

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
const DEFAULTS = { firstPerSecond: 100, thenOneOf: 100 };

/**
 * Gates that are open at human rates and let samples through above them, as zap's sampling core does.
 * @throws MISCONFIGURED when a number is not whole or below 0
 */
export function accessLines(options: AccessLineOptions = {}): CountedAccessLines {
  const gates = new Map<string, Gate>();
  const { firstPerSecond, thenOneOf } = resolve(options);
  return {
    of(operation) {
      const known = gates.get(operation) ?? new Gate(firstPerSecond, thenOneOf);
      gates.set(operation, known);
      return known;
    },
    omitted: () => [...gates].map(([operation, gate]) => [operation, gate.omitted] as const),
  };
}

function resolve(options: AccessLineOptions): { readonly firstPerSecond: number; readonly thenOneOf: number } {
  if (options === 'everything') return { firstPerSecond: Infinity, thenOneOf: 0 };
  const { firstPerSecond = DEFAULTS.firstPerSecond, thenOneOf = DEFAULTS.thenOneOf } = options;
  for (const [name, value] of Object.entries({ firstPerSecond, thenOneOf })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    const message = `accessLines.${name} is ${value}; give a whole number of 0 or more.`;
    throw new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
  }
  return { firstPerSecond, thenOneOf };
}

class Gate implements AccessLineGate {
  readonly #first: number;
  readonly #thenOneOf: number;
  #windowEndsAtMs = -Infinity;
  /** Lines that came in this window. */
  #came = 0;
  /** Left out since a line was written. */
  #unsaid = 0;
  /** Left out in all. */
  omitted = 0;

  constructor(first: number, thenOneOf: number) {
    this.#first = first;
    this.#thenOneOf = thenOneOf;
  }

  pass(atMs: number): number | undefined {
    if (atMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = atMs + WINDOW_MS;
      this.#came = 0;
    }
    this.#came += 1;
    const beyond = this.#came - this.#first;
    if (beyond > 0 && (this.#thenOneOf === 0 || beyond % this.#thenOneOf !== 0)) {
      this.#unsaid += 1;
      this.omitted += 1;
      return undefined;
    }
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
}
