import { MOST_SLOTS } from './adaptive-options.ts';

/** A slot's generations repeat after so many; tickets stay small integers, which cost nothing to pass. */
const GENERATIONS = 2 ** 14;
const INDEX = MOST_SLOTS - 1;
const NOBODY = -1;

/** A slot, and the facts of who holds it or held it last. */
export interface Slot<Claim> {
  /** From 0; taken slots have the lowest that were free. */
  readonly index: number;
  /** On whose behalf it is held. */
  readonly claim: Claim;
  /** Monotonic time since when. */
  readonly sinceMs: number;
  /** How many of the limit it takes. */
  readonly width: number;
  /** How many of the limit were taken when it was, its own included. */
  readonly inFlight: number;
}

/**
 * The slots of a gate: who holds one has its ticket. A ticket names the slot and its generation, so one that was given
 * back already is recognised, though others hold the slot now. Slots are made when they are first needed, and kept.
 */
export class Slots<Claim> {
  readonly #all: OwnSlot<Claim>[] = [];
  readonly #free: OwnSlot<Claim>[] = [];

  /** A free slot's ticket. The gate's limit sees to it that there is one. */
  take(claim: Claim, width: number, inFlight: number, nowMs: number): number {
    const slot = this.#free.pop() ?? this.#add(claim);
    slot.claim = claim;
    slot.sinceMs = nowMs;
    slot.width = width;
    slot.inFlight = inFlight;
    return (slot.ticket = slot.index + slot.generation * MOST_SLOTS);
  }

  /** The slot of a ticket is held since now. */
  beganAt(ticket: number, nowMs: number): void {
    const slot = this.#all[slotOf(ticket)];
    if (slot?.ticket === ticket) slot.sinceMs = nowMs;
  }

  /** The slot of a ticket, which is free again, its facts still to be read; `undefined` when nobody holds this ticket. */
  release(ticket: number): Slot<Claim> | undefined {
    const slot = this.#all[slotOf(ticket)];
    if (slot === undefined || slot.ticket !== ticket) return undefined;
    slot.ticket = NOBODY;
    slot.generation = (slot.generation + 1) % GENERATIONS;
    this.#free.push(slot);
    return slot;
  }

  #add(claim: Claim): OwnSlot<Claim> {
    const slot = { index: this.#all.length, claim, sinceMs: 0.5, width: 0, inFlight: 0, generation: 0, ticket: NOBODY };
    this.#all.push(slot);
    return slot;
  }
}

interface OwnSlot<Claim> extends Slot<Claim> {
  claim: Claim;
  sinceMs: number;
  width: number;
  inFlight: number;
  /** How often it was given back, over and over. */
  generation: number;
  ticket: number;
}

/** The index of the slot that a ticket names. */
export function slotOf(ticket: number): number {
  return ticket & INDEX;
}
