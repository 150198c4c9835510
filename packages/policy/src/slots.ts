import { MOST_SLOTS } from './adaptive-options.ts';

/** A slot's generations repeat after so many; tickets stay small integers, which cost nothing to pass. */
const GENERATIONS = 2 ** 14;

/**
 * The slots of a gate: who holds one has its ticket. A ticket names the slot and its generation, so one that was given
 * back already is recognised, though others hold the slot now. Nothing is allocated but at the beginning.
 */
export class Slots {
  /** Monotonic time since when each is held. */
  readonly sinceMs: Float64Array;
  /** How many of the limit each takes. */
  readonly width: Int32Array;
  /** How many of the limit were taken when each was, its own included. */
  readonly inFlight: Int32Array;
  readonly #generation: Uint16Array;
  readonly #held: Uint8Array;
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(count: number) {
    this.sinceMs = new Float64Array(count);
    this.width = new Int32Array(count);
    this.inFlight = new Int32Array(count);
    this.#generation = new Uint16Array(count);
    this.#held = new Uint8Array(count);
    this.#free = Int32Array.from({ length: count }, (_, index) => count - 1 - index);
    this.#freeCount = count;
  }

  /** A ticket for a free slot. The gate's limit sees to it that there is one. */
  take(width: number, inFlight: number, nowMs: number): number {
    const slot = this.#free[--this.#freeCount] ?? 0;
    this.sinceMs[slot] = nowMs;
    this.width[slot] = width;
    this.inFlight[slot] = inFlight;
    this.#held[slot] = 1;
    return slot + (this.#generation[slot] ?? 0) * MOST_SLOTS;
  }

  /** The slot of a ticket, which is free again, its facts still to be read; −1 when nobody holds this ticket. */
  release(ticket: number): number {
    const slot = slotOf(ticket);
    const generation = this.#generation[slot];
    if (this.#held[slot] !== 1 || generation !== Math.floor(ticket / MOST_SLOTS)) return -1;
    this.#generation[slot] = (generation + 1) % GENERATIONS;
    this.#held[slot] = 0;
    this.#free[this.#freeCount++] = slot;
    return slot;
  }
}

/** The slot that a ticket names. */
export function slotOf(ticket: number): number {
  return ticket % MOST_SLOTS;
}
