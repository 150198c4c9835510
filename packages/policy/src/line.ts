import type { Context } from '@fairlead/core';
import type { TenantState } from './gate.ts';
import type { Waiter } from './waiter.ts';

/**
 * Who is next: the order behind a gate. It knows nothing of time, promises and aborts; the gate tells it what happens.
 * A claim is on whose behalf somebody comes.
 */
export interface Line<Claim> {
  /** How many wait. */
  readonly waiting: number;
  claimOf(ctx: Context): Claim;
  /** The most slots that one may take of so many. */
  widest(limit: number): number;
  /**
   * Whether a newcomer may take some of the free slots without overtaking a waiter who could. May be falsely strict.
   */
  mayPass(claim: Claim, width: number, free: number, limit: number): boolean;
  /**
   * Whether a newcomer may join its queue. True, or false, or the waiter that must leave for it, already removed.
   * @param queue how many may wait in one queue
   */
  makeRoom(claim: Claim, queue: number): Waiter<Claim> | boolean;
  push(waiter: Waiter<Claim>): void;
  /** The waiter must stand in this line. */
  remove(waiter: Waiter<Claim>): void;
  /**
   * Takes out who is next, or somebody whose time is over; `undefined` when nobody can go.
   * @param free slots of `limit`; at least 1
   */
  next(nowMs: number, free: number, limit: number): Waiter<Claim> | undefined;
  /** `slot` was taken, by a newcomer when there is no waiter. */
  started(claim: Claim, slot: number, width: number, nowMs: number, waiter: Waiter<Claim> | undefined): void;
  /**
   * `slot` was given back.
   * @param typical whether the work went its way, so that the next may be expected to take as long
   */
  ended(claim: Claim, slot: number, heldMs: number, typical: boolean): void;
  /** Somebody of this claim was refused. */
  refused(claim: Claim): void;
  /** How many wait in the queue of a claim. */
  waitingOf(claim: Claim): number;
  /** How long everybody must wait at least; 0 while anybody is served at once. */
  delayMs(nowMs: number): number;
  /** How long the one who waits longest has waited. */
  oldestWaitMs(nowMs: number): number;
  tenants(): readonly TenantState[];
}
