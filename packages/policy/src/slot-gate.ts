import type { Clock, Context } from '@fairlead/core';
import type { ResolvedConcurrency } from './concurrency-options.ts';
import { DROPPED, type Gate, type GateOutcome, type GateRefusal, type GateState } from './gate.ts';
import type { Limit } from './limit.ts';
import type { Line } from './line.ts';
import { FAILURE, IGNORED } from './outcome.ts';
import { RunningMean } from './running-mean.ts';
import { slotOf, Slots } from './slots.ts';
import { Waiter } from './waiter.ts';

/** Over how many ends the means of this file run. */
const MEAN_WINDOW = 100;
const WARM_UP = 10;
/** The part of the time left that may be spent in the queue; the rest is for the work. */
const WAIT_SHARE = 1 / 4;

/** Slots, as many as a `Limit` says, and in front of them a `Line`: every gate is made of these two. */
export class SlotGate<Claim> implements Gate {
  readonly #options: ResolvedConcurrency;
  readonly #limit: Limit;
  readonly #line: Line<Claim>;
  readonly #slots = new Slots<Claim>();
  readonly #holdMs = new RunningMean(MEAN_WINDOW, WARM_UP);
  readonly #successMs = new RunningMean(MEAN_WINDOW, WARM_UP);
  readonly #refused = { full: 0, 'queue-timeout': 0, deadline: 0, cancelled: 0 };
  #inUse = 0;
  #admitted = 0;
  #waited = 0;
  #strayTickets = 0;
  #order = 0;

  constructor(options: ResolvedConcurrency, limit: Limit, line: Line<Claim>) {
    this.#options = options;
    this.#limit = limit;
    this.#line = line;
  }

  tryEnter(ctx: Context, nowMs: number, cost: number): number {
    return this.#tryTake(this.#line.claimOf(ctx), nowMs, this.#width(cost));
  }

  enter(ctx: Context, clock: Clock, nowMs: number, cost: number): Promise<number | GateRefusal> | number | GateRefusal {
    const claim = this.#line.claimOf(ctx);
    const width = this.#width(cost);
    const ticket = this.#tryTake(claim, nowMs, width);
    if (ticket >= 0) return ticket;
    const leftMs = ctx.remainingMs();
    if (leftMs === 0) return this.#refusal(claim, 'deadline', 0);
    const patienceMs = Math.min(this.#options.waitMs, leftMs * WAIT_SHARE);
    const room = patienceMs > 0 && this.#line.makeRoom(claim, this.#options.queue ?? this.#limit.current);
    if (room === false) return this.#refusal(claim, 'full', 0);
    if (room !== true) this.#refuse(room, 'full', nowMs);
    return new Promise((resolve) => {
      const facts = { claim, width, sinceMs: nowMs, untilMs: nowMs + patienceMs, order: this.#order++ };
      const waiter = new Waiter<Claim>(facts, resolve);
      this.#line.push(waiter);
      waiter.timer = clock.setTimer(patienceMs, () => this.#giveUp(waiter, 'queue-timeout', clock.monotonic()));
      waiter.stopListening = ctx.onEnd((reason) =>
        this.#giveUp(waiter, reason.code === 'DEADLINE_EXCEEDED' ? 'deadline' : 'cancelled', clock.monotonic()),
      );
      // A line may have been strict with a newcomer who can go, seen among the others.
      this.#dispatch(nowMs);
    });
  }

  beganAt(ticket: number, nowMs: number): void {
    this.#slots.beganAt(ticket, nowMs);
  }

  leave(ticket: number, nowMs: number, outcome: GateOutcome): void {
    const slot = this.#slots.release(ticket);
    if (slot === undefined) {
      this.#strayTickets += 1;
      return;
    }
    // The slot's facts are read before anybody else can be given it.
    const { index, claim, inFlight } = slot;
    const heldMs = nowMs - slot.sinceMs;
    this.#inUse -= slot.width;
    this.#line.ended(claim, index, heldMs, outcome !== IGNORED);
    if (outcome !== IGNORED) this.#holdMs.add(heldMs);
    if (this.#tellsOfLoad(outcome, heldMs)) this.#limit.record(heldMs, inFlight, outcome === DROPPED, nowMs);
    if (this.#line.waiting > 0) this.#dispatch(nowMs);
  }

  queueDelayMs(nowMs: number): number {
    return this.#line.delayMs(nowMs);
  }

  inspect(nowMs: number): GateState {
    return {
      limit: this.#limit.inspect(),
      inUse: this.#inUse,
      waiting: this.#line.waiting,
      oldestWaitMs: this.#line.oldestWaitMs(nowMs),
      meanHoldMs: this.#holdMs.value,
      admitted: this.#admitted,
      waited: this.#waited,
      refused: { ...this.#refused },
      strayTickets: this.#strayTickets,
      tenants: this.#line.tenants(),
    };
  }

  /** A call that failed quickly took no load to do so: it would make an adaptive limit believe that there is none. */
  #tellsOfLoad(outcome: GateOutcome, heldMs: number): boolean {
    if (outcome === IGNORED) return false;
    if (outcome === DROPPED) return true;
    if (outcome === FAILURE) return heldMs >= this.#successMs.value;
    this.#successMs.add(heldMs);
    return true;
  }

  #width(cost: number): number {
    return this.#options.slotsByCost ? this.#widthOf(cost) : 1;
  }

  #widthOf(cost: number): number {
    return Math.min(Math.max(1, Math.ceil(cost)), this.#line.widest(this.#limit.current));
  }

  #tryTake(claim: Claim, nowMs: number, width: number): number {
    const limit = this.#limit.current;
    const free = limit - this.#inUse;
    if (width > free || !this.#line.mayPass(claim, width, free, limit)) return -1;
    return this.#take(claim, width, nowMs, undefined);
  }

  #take(claim: Claim, width: number, nowMs: number, waiter: Waiter<Claim> | undefined): number {
    this.#inUse += width;
    this.#admitted += 1;
    const ticket = this.#slots.take(claim, width, this.#inUse, nowMs);
    this.#line.started(claim, slotOf(ticket), width, nowMs, waiter);
    return ticket;
  }

  /** Lets in whoever can go. */
  #dispatch(nowMs: number): void {
    while (this.#line.waiting > 0) {
      const limit = this.#limit.current;
      const free = limit - this.#inUse;
      if (free <= 0) return;
      const waiter = this.#line.next(nowMs, free, limit);
      if (waiter === undefined) return;
      if (nowMs > waiter.untilMs) {
        // The event loop was too busy for its timer.
        this.#refuse(waiter, 'queue-timeout', nowMs);
        continue;
      }
      this.#waited += 1;
      // The limit may have sunk since it came.
      const width = Math.min(waiter.width, this.#line.widest(limit));
      waiter.settle(this.#take(waiter.claim, width, nowMs, waiter));
    }
  }

  #giveUp(waiter: Waiter<Claim>, cause: GateRefusal['cause'], nowMs: number): void {
    if (!waiter.listed) return;
    this.#line.remove(waiter);
    this.#refuse(waiter, cause, nowMs);
    // Who wanted several slots may have kept others waiting who want fewer; nobody else did.
    if (waiter.width > 1) this.#dispatch(nowMs);
  }

  #refuse(waiter: Waiter<Claim>, cause: GateRefusal['cause'], nowMs: number): void {
    waiter.settle(this.#refusal(waiter.claim, cause, nowMs - waiter.sinceMs));
  }

  #refusal(claim: Claim, cause: GateRefusal['cause'], waitedMs: number): GateRefusal {
    this.#refused[cause] += 1;
    this.#line.refused(claim);
    const limit = this.#limit.current;
    const queued = this.#line.waitingOf(claim);
    return {
      cause,
      waitedMs,
      limit,
      inUse: this.#inUse,
      queued,
      retryAfterMs: ((queued + 1) * this.#holdMs.value) / limit,
    };
  }
}
