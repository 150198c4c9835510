import type { Clock, Context } from '@fairlead/core';
import type { Outcome } from './outcome.ts';
import type { SlotLimitState } from './limit.ts';

/**
 * The attempt was slowed down or turned away by too much load: it timed out, or the other side said that it is
 * overloaded. Lowers an adaptive limit, where a mere `FAILURE` that came quickly says nothing about load.
 */
export const DROPPED = 3;

/** How an attempt ended, as a gate sees it. */
export type GateOutcome = Outcome | typeof DROPPED;

/** Why a gate did not let somebody in. */
export interface GateRefusal {
  readonly cause: 'full' | 'queue-timeout' | 'deadline' | 'cancelled';
  /** How long it stood in the queue, in milliseconds; 0 when it never did. */
  readonly waitedMs: number;
  /** Slots there were. */
  readonly limit: number;
  /** Slots that were taken; fewer than `limit` when it was its tenant's cap that kept it out. */
  readonly inUse: number;
  /** How many stood in the queue that it would have joined, or had joined. */
  readonly queued: number;
  /** When that queue should have been worked off, in milliseconds; 0 before any work has ended. */
  readonly retryAfterMs: number;
}

/** Everything about a gate, as it is now. */
export interface GateState {
  /** How the slots are limited. */
  readonly limit: SlotLimitState;
  readonly inUse: number;
  readonly waiting: number;
  /** How long the first of the queue has been waiting, in milliseconds. */
  readonly oldestWaitMs: number;
  /** Running mean of how long slots were held, in milliseconds. */
  readonly meanHoldMs: number;
  /** Counts since it was made. */
  readonly admitted: number;
  readonly waited: number;
  readonly refused: Readonly<Record<GateRefusal['cause'], number>>;
  /** Tickets that were given back twice, or never given out: a bug of whoever holds the gate. */
  readonly strayTickets: number;
  /** Of a fair queue: the tenants that used most, most first. */
  readonly tenants: readonly TenantState[];
}

/** What a fair queue knows about a tenant. */
export interface TenantState {
  readonly tenant: string;
  readonly weight: number;
  /** Slots that it holds. */
  readonly inUse: number;
  readonly waiting: number;
  /** What it has used since it is known, in slots times milliseconds. */
  readonly slotMs: number;
  /** What its next call is expected to take, in milliseconds. */
  readonly estimateMs: number;
  readonly refused: number;
}

/** What stands in front of an attempt: so many slots, and a queue for who comes when all are taken. */
export interface Gate {
  /**
   * A ticket ≥ 0 at once, or −1: it must wait (see `enter`) or is refused. Never overtakes a waiter who could go.
   * @param cost how many usual calls this one weighs; counts only when slots go by cost
   */
  tryEnter(ctx: Context, nowMs: number, cost: number): number;
  /**
   * A ticket or a refusal, at once or after some time in the queue. It settles once, holds a timer only while it waits,
   * and an end of `ctx` leaves the queue at once, synchronously. Who has a ticket must `leave`, also when `ctx` has
   * ended meanwhile.
   */
  enter(ctx: Context, clock: Clock, nowMs: number, cost: number): Promise<number | GateRefusal> | number | GateRefusal;
  /** A ticket that was taken at a stamp counts as taken now. */
  beganAt(ticket: number, nowMs: number): void;
  /**
   * Gives a ticket back: when the work has settled, not when somebody stopped waiting for it. A second time does
   * nothing.
   */
  leave(ticket: number, nowMs: number, outcome: GateOutcome): void;
  /** How long the first of the queue has been waiting, in milliseconds; what load shedding looks at. */
  queueDelayMs(nowMs: number): number;
  inspect(nowMs: number): GateState;
}
