import { type Context, type FairleadError, isError, NOWHERE, type ScopedContext } from '@fairlead/core';
import { reasonOf, timeoutError } from './call-ends.ts';
import type { CallParts } from './call-parts.ts';
import type { CallRequest, Settle } from './call-request.ts';
import type { Decision } from './decision.ts';
import { detachedFrom } from './detached-context.ts';
import type { WakeUp } from './wake-ups.ts';

/** With less time left than this nobody begins anew. */
const LEAST_MS = 1;

/** Calls that are shared, as they are now. */
export interface CoalesceState {
  /** Shared calls under way. */
  readonly running: number;
  /** Callers who wait for them. */
  readonly waiting: number;
  /** Callers who were spared a call of their own. */
  readonly joined: number;
  /** Shared calls that were ended because nobody waited for them any more. */
  readonly abandoned: number;
}

/** One call for several callers. Its life is none of theirs: it ends with the last of them, or at the policy's total. */
class SharedCall {
  readonly key: string;
  readonly ctx: ScopedContext;
  readonly endsAtMs: number;
  /** Whether it goes on when nobody waits. */
  readonly isKept: boolean;
  readonly waiters = new Set<Waiter>();

  constructor(key: string, ctx: ScopedContext, endsAtMs: number, isKept: boolean) {
    this.key = key;
    this.ctx = ctx;
    this.endsAtMs = endsAtMs;
    this.isKept = isKept;
  }
}

/** A caller who waits for a shared call, for as long as it has time itself. As a wake-up it is the end of that time. */
class Waiter implements WakeUp {
  dueMs = Infinity;
  index = NOWHERE;
  readonly request: CallRequest;
  readonly settle: Settle;
  readonly shared: SharedCall;
  /** Whether the shared call was begun for it. */
  readonly isFirst: boolean;
  /** When its own total is over. */
  readonly endsAtMs: number;
  readonly #coalescer: Coalescer;
  leaveCaller: (() => void) | undefined;

  constructor(
    coalescer: Coalescer,
    request: CallRequest,
    settle: Settle,
    shared: SharedCall,
    isFirst: boolean,
    endsAtMs: number,
  ) {
    this.#coalescer = coalescer;
    this.request = request;
    this.settle = settle;
    this.shared = shared;
    this.isFirst = isFirst;
    this.endsAtMs = endsAtMs;
  }

  wake(nowMs: number): void {
    this.#coalescer.timeUp(this, nowMs);
  }
}

/**
 * Lets calls with one key share one call. Each caller keeps its own deadline, and leaves at once when it gives up; the
 * shared call is ended when the last has left. When it is the shared call whose time is up, those who came later and have
 * time left begin anew, again with one call.
 */
export class Coalescer {
  readonly #parts: CallParts;
  readonly #execute: (request: CallRequest, settle: Settle) => void;
  readonly #running = new Map<string, SharedCall>();
  #joined = 0;
  #abandoned = 0;

  /** @param execute does the work of a call, and settles once */
  constructor(parts: CallParts, execute: (request: CallRequest, settle: Settle) => void) {
    this.#parts = parts;
    this.#execute = execute;
  }

  /** Waits for the call with this key that is under way, or begins it. */
  join(key: string, request: CallRequest, nowMs: number, settle: Settle): void {
    const running = this.#running.get(key);
    const shared = running ?? this.#open(key, request.ctx, nowMs, false);
    const endsAtMs = request.sinceMs + this.#parts.totalMs;
    const waiter = new Waiter(this, request, settle, shared, running === undefined, endsAtMs);
    shared.waiters.add(waiter);
    if (endsAtMs < shared.endsAtMs) this.#parts.wakeUps.set(waiter, endsAtMs);
    const leave = request.ctx.onEnd((reason) => this.#callerEnded(waiter, reason));
    if (shared.waiters.has(waiter)) waiter.leaveCaller = leave;
    if (running === undefined) this.#begin(shared, request, nowMs);
    else this.#joined++;
  }

  /** Begins a call that nobody waits for and that ends by itself; unless there is one under way. */
  keep(key: string, request: CallRequest, nowMs: number): void {
    if (!this.#running.has(key)) this.#begin(this.#open(key, request.ctx, nowMs, true), request, nowMs);
  }

  /** What is under way goes on for those who wait for it, and nobody joins it any more. */
  detach(key: string): void {
    this.#running.delete(key);
  }

  /** A caller's own total is over while the shared call has time left. */
  timeUp(waiter: Waiter, nowMs: number): void {
    const heldMs = nowMs - waiter.request.sinceMs;
    this.#end(waiter, timeoutError(this.#parts, 1, true, heldMs));
  }

  inspect(): CoalesceState {
    let waiting = 0;
    for (const { waiters } of this.#running.values()) waiting += waiters.size;
    return { running: this.#running.size, waiting, joined: this.#joined, abandoned: this.#abandoned };
  }

  #open(key: string, ctx: Context, nowMs: number, isKept: boolean): SharedCall {
    const shared = new SharedCall(key, detachedFrom(ctx), nowMs + this.#parts.totalMs, isKept);
    this.#running.set(key, shared);
    return shared;
  }

  #begin(shared: SharedCall, { work, facts }: CallRequest, nowMs: number): void {
    const request = { ctx: shared.ctx, work, facts, sinceMs: nowMs };
    this.#execute(request, (decision) => this.#settled(shared, decision));
  }

  #settled(shared: SharedCall, decision: Decision<unknown>): void {
    this.#leaveMap(shared);
    const waiters = [...shared.waiters];
    shared.waiters.clear();
    for (const each of waiters) this.#leave(each);
    // Its Context holds nothing and isn't disposed: that would end it for whoever still reads the answer.
    const nowMs = this.#parts.clock.monotonic();
    const isTimeUp = this.#isTimeUp(decision);
    for (const each of waiters) {
      const hasTime = isTimeUp && each.endsAtMs - nowMs >= LEAST_MS && reasonOf(each.request.ctx) === undefined;
      if (hasTime) this.join(shared.key, each.request, nowMs, each.settle);
      else each.settle(each.isFirst || decision.kind !== 'ok' ? decision : { ...decision, from: 'shared' });
    }
  }

  #callerEnded(waiter: Waiter, reason: FairleadError): void {
    const { waiters, isKept } = waiter.shared;
    if (reason.code === 'CANCELLED' && waiters.has(waiter) && (waiters.size > 1 || isKept)) {
      this.#parts.counters.cancelled++;
    }
    this.#end(waiter, reason);
  }

  /** A caller waits no longer. The last one takes the shared call along, which then says what became of it. */
  #end(waiter: Waiter, reason: FairleadError): void {
    const { shared } = waiter;
    if (!shared.waiters.has(waiter)) return;
    this.#leave(waiter);
    if (shared.waiters.size > 1 || shared.isKept) {
      shared.waiters.delete(waiter);
      waiter.settle({ kind: 'failed', error: reason, attempts: 1, stopped: undefined });
      return;
    }
    this.#abandoned++;
    this.#leaveMap(shared);
    shared.ctx.cancel(reason);
  }

  #leave(waiter: Waiter): void {
    this.#parts.wakeUps.remove(waiter);
    waiter.leaveCaller?.();
    waiter.leaveCaller = undefined;
  }

  #leaveMap(shared: SharedCall): void {
    // Detached, or abandoned: another one may have its key.
    if (this.#running.get(shared.key) === shared) this.#running.delete(shared.key);
  }

  /** Whether a shared call ended because its own time was up, which says nothing about those who came later. */
  #isTimeUp(decision: Decision<unknown>): boolean {
    if (decision.kind === 'rejected') return decision.rejection.cause === 'deadline';
    if (decision.kind === 'ok' || !isError(decision.error, 'DEADLINE_EXCEEDED')) return false;
    const { policy, limit } = decision.error.details;
    return policy === this.#parts.name && limit === 'total';
  }
}
