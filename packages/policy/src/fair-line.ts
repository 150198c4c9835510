import { type Context, type Due, DueHeap, NOWHERE, type Random } from '@fairlead/core';
import type { ResolvedFair } from './fair-options.ts';
import { FairQueue, FairTenant, type FairClaim } from './fair-tenant.ts';
import type { TenantState } from './gate.ts';
import type { Line } from './line.ts';
import { RunningMean } from './running-mean.ts';
import { dealHand } from './shuffle-shard.ts';
import type { WaitList, Waiter } from './waiter.ts';

/** How many tenants that do nothing are remembered, with what they owe. */
const MOST_KNOWN = 1_024;
/** How many are looked at for one that can be forgotten. */
const LOOK_AT = 16;
/** How many tenants `inspect` shows. */
const SHOWN = 10;
const QUEUES_PER_TOTAL = 8;
const ESTIMATE_WINDOW = 100;
const WARM_UP = 1;

/** Who holds a slot, due when it will have taken as long as its tenant was charged for. */
interface Holder extends Due {
  queue: FairQueue;
  chargedMs: number;
  /** How many slots it takes, and how many that is by weight. */
  width: number;
  share: number;
}

/**
 * Start-time fair queueing on the time that slots are held. A call is charged to its tenant when it begins, by what the
 * tenant's calls took lately; while it takes longer, the charge grows with it; when it ends, the charge becomes what it
 * took. The next is whose account is lowest. An account that was not in demand is lifted to the virtual time, which is
 * that of the last that was served: nobody saves up, and nobody pays for slots that nobody else wanted.
 *
 * Source: Goyal, Vin and Cheng, "Start-time Fair Queueing" (1996); charging by estimate and correcting at the end as in
 * Kubernetes' API priority and fairness; charging overruns while they happen is ours.
 */
export class FairLine implements Line<FairClaim> {
  readonly #options: ResolvedFair;
  readonly #salt: number;
  /** Of all tenants; empty when each has its own. */
  readonly #shards: readonly FairQueue[];
  readonly #tenants = new Map<string, FairTenant>();
  /** Queues with waiters, in any order. */
  readonly #backlogged: FairQueue[] = [];
  /** Who holds each slot, or held it last. */
  readonly #holders: Holder[] = [];
  /** Those who have not yet taken longer than they were charged for. */
  readonly #inTime = new DueHeap<Holder>();
  /** Of all tenants, for one that nothing is known of. */
  readonly #estimateMs = new RunningMean(ESTIMATE_WINDOW, WARM_UP);
  #virtual = 0;
  #waiting = 0;
  /**
   * Tenants that hold or want something, what they weigh together, and how many of them want no more than they have.
   */
  #active = 0;
  #activeWeight = 0;
  #served = 0;
  /** Whether who is next waits for more slots than are free: nobody may take what it waits for. */
  #saving = false;

  constructor(options: ResolvedFair, random: Random) {
    this.#options = options;
    this.#salt = Math.floor(random.next() * 2 ** 32);
    this.#shards = Array.from({ length: options.shards?.queues ?? 0 }, () => new FairQueue());
  }

  get waiting(): number {
    return this.#waiting;
  }

  claimOf(ctx: Context): FairClaim {
    const name = nameOf(ctx, this.#options.by);
    const { claims } = this.#tenants.get(name) ?? this.#meet(name);
    let [best] = claims;
    for (let at = 1; at < claims.length; at++) {
      const claim = claims[at];
      if (best !== undefined && claim !== undefined && isShorter(claim.queue, best.queue)) best = claim;
    }
    if (best === undefined) throw new Error('a tenant has at least one queue');
    return best;
  }

  widest(limit: number): number {
    return Math.max(1, Math.floor(limit * this.#options.cap));
  }

  mayPass({ tenant, queue }: FairClaim, width: number, free: number, limit: number): boolean {
    if (tenant.held + width > this.widest(limit) || this.#isReserved(tenant, width, free, limit)) return false;
    // Whoever else waits while there are free slots is kept from them by its cap, or by the reserve.
    return this.#waiting === 0 || (!this.#saving && queue.list.size === 0);
  }

  makeRoom({ queue }: FairClaim, most: number): Waiter<FairClaim> | boolean {
    if (queue.list.size >= most) return false;
    if (this.#waiting < (this.#options.queueTotal ?? most * QUEUES_PER_TOTAL)) return true;
    let longest = queue.list;
    for (const { list } of this.#backlogged) if (list.size > longest.size) longest = list;
    const { last } = longest;
    if (longest === queue.list || last === undefined) return false;
    this.remove(last);
    return last;
  }

  push(waiter: Waiter<FairClaim>): void {
    const { tenant, queue } = waiter.claim;
    waiter.mark = this.#virtual;
    queue.list.push(waiter);
    tenant.waiting += 1;
    this.#waiting += 1;
    if (queue.index < 0) queue.index = this.#backlogged.push(queue) - 1;
    this.#count(tenant);
  }

  remove(waiter: Waiter<FairClaim>): void {
    const { tenant, queue } = waiter.claim;
    queue.list.remove(waiter);
    tenant.waiting -= 1;
    this.#waiting -= 1;
    if (queue.list.size === 0) this.#unlist(queue);
    this.#count(tenant);
  }

  next(nowMs: number, free: number, limit: number): Waiter<FairClaim> | undefined {
    this.#chargeOverruns(nowMs);
    const widest = this.widest(limit);
    let best: Waiter<FairClaim> | undefined;
    let bestTag = Infinity;
    for (const queue of this.#backlogged) {
      const waiter = this.#firstAllowed(queue, free, limit);
      if (waiter === undefined) continue;
      const tag = Math.max(queue.finish, waiter.mark) + queue.overrun(nowMs);
      if (tag < bestTag || (tag === bestTag && waiter.order < (best?.order ?? Infinity))) {
        best = waiter;
        bestTag = tag;
      }
    }
    this.#saving = best !== undefined && Math.min(best.width, widest) > free && nowMs <= best.untilMs;
    if (best === undefined || this.#saving) return undefined;
    this.remove(best);
    return best;
  }

  started(
    { tenant, queue }: FairClaim,
    slot: number,
    width: number,
    nowMs: number,
    waiter: Waiter<FairClaim> | undefined,
  ): void {
    const start = Math.max(queue.finish, waiter?.mark ?? this.#virtual);
    const share = width / tenant.weight;
    const chargedMs = tenant.estimateMs.value || this.#estimateMs.value;
    this.#virtual = Math.max(this.#virtual, start + queue.overrun(nowMs));
    queue.finish = start + chargedMs * share;
    queue.held += width;
    tenant.held += width;
    const holder = (this.#holders[slot] ??= { dueMs: 0, index: NOWHERE, queue, chargedMs, width, share });
    holder.dueMs = nowMs + chargedMs;
    holder.queue = queue;
    holder.chargedMs = chargedMs;
    holder.width = width;
    holder.share = share;
    this.#inTime.add(holder);
    this.#count(tenant);
  }

  ended({ tenant, queue }: FairClaim, slot: number, heldMs: number, typical: boolean): void {
    const holder = this.#holders[slot];
    if (holder === undefined) return;
    const { width, share } = holder;
    if (holder.index === NOWHERE) queue.endOverrun(share, holder.dueMs);
    else this.#inTime.remove(holder);
    queue.finish += (heldMs - holder.chargedMs) * share;
    queue.held -= width;
    tenant.held -= width;
    tenant.slotMs += heldMs * width;
    if (typical) {
      tenant.estimateMs.add(heldMs);
      this.#estimateMs.add(heldMs);
    }
    this.#count(tenant);
  }

  refused({ tenant }: FairClaim): void {
    tenant.refused += 1;
  }

  waitingOf({ queue }: FairClaim): number {
    return queue.list.size;
  }

  delayMs(nowMs: number): number {
    if (this.#served > 0) return 0;
    let shortestMs = Infinity;
    for (const { list } of this.#backlogged) shortestMs = Math.min(shortestMs, waitOf(list, nowMs));
    return shortestMs === Infinity ? 0 : shortestMs;
  }

  oldestWaitMs(nowMs: number): number {
    let longestMs = 0;
    for (const { list } of this.#backlogged) longestMs = Math.max(longestMs, waitOf(list, nowMs));
    return longestMs;
  }

  tenants(): readonly TenantState[] {
    const states = Array.from(this.#tenants.values(), (tenant) => tenant.inspect());
    return states.toSorted((a, b) => b.slotMs - a.slotMs || b.inUse - a.inUse).slice(0, SHOWN);
  }

  /**
   * The first whom neither cap nor reserve forbids to go; all of a queue are one tenant's unless tenants share queues.
   */
  #firstAllowed(queue: FairQueue, free: number, limit: number): Waiter<FairClaim> | undefined {
    const widest = this.widest(limit);
    for (let waiter = queue.list.first; waiter !== undefined; waiter = waiter.after) {
      const { tenant } = waiter.claim;
      const width = Math.min(waiter.width, widest);
      if (tenant.held + width <= widest && !this.#isReserved(tenant, width, free, limit)) return waiter;
      if (this.#shards.length === 0) return undefined;
    }
    return undefined;
  }

  /**
   * Whether a tenant with its share already would take one of the last slots from those who are below theirs: trunk
   * reservation, as in telephony. Without it a busy tenant takes every slot that is free for a moment, and those that
   * it then holds for long add up until others have hardly any.
   */
  #isReserved(tenant: FairTenant, width: number, free: number, limit: number): boolean {
    if (free - width >= Math.round(limit * this.#options.reserve)) return false;
    // Of a tenant that is alone, its share is all.
    return tenant.held * this.#activeWeight >= limit * tenant.weight;
  }

  #chargeOverruns(nowMs: number): void {
    for (let { first } = this.#inTime; first !== undefined && first.dueMs <= nowMs; { first } = this.#inTime) {
      this.#inTime.remove(first);
      first.queue.beginOverrun(first.share, first.dueMs);
    }
  }

  #unlist(queue: FairQueue): void {
    const last = this.#backlogged.pop();
    if (last !== undefined && last !== queue) {
      this.#backlogged[queue.index] = last;
      last.index = queue.index;
    }
    queue.index = -1;
  }

  /** Counts a tenant anew after something that it holds or wants has changed. */
  #count(tenant: FairTenant): void {
    const { counted, activity } = tenant;
    if (counted === activity) return;
    tenant.counted = activity;
    if (counted === 'served') this.#served -= 1;
    if (activity === 'served') this.#served += 1;
    const change = Number(activity !== 'idle') - Number(counted !== 'idle');
    this.#active += change;
    // A sum of fractions, begun anew whenever it can be.
    this.#activeWeight = this.#active === 0 ? 0 : this.#activeWeight + change * tenant.weight;
  }

  #meet(name: string): FairTenant {
    if (this.#tenants.size >= MOST_KNOWN) this.#forgetOne();
    const { shards, weights } = this.#options;
    const hand = shards === undefined ? undefined : dealHand(name, this.#salt, shards.queues, shards.hand);
    const queues = hand?.flatMap((index) => this.#shards[index] ?? []) ?? [new FairQueue()];
    const tenant = new FairTenant(name, weights.get(name) ?? 1, queues);
    this.#tenants.set(name, tenant);
    return tenant;
  }

  /**
   * Forgets a tenant that does nothing, of those that are known longest: rather one that owes nothing, for who is
   * forgotten begins anew. Those that do something are as many as slots and queues allow, so what is known is bounded.
   */
  #forgetOne(): void {
    let idle: FairTenant | undefined;
    let looked = 0;
    for (const tenant of this.#tenants.values()) {
      if (looked++ === LOOK_AT) break;
      if (tenant.activity !== 'idle') {
        // Known for as long, but in use: the next search need not begin with it.
        this.#tenants.delete(tenant.name);
        this.#tenants.set(tenant.name, tenant);
        continue;
      }
      idle ??= tenant;
      if (this.#owes(tenant)) continue;
      idle = tenant;
      break;
    }
    if (idle !== undefined) this.#tenants.delete(idle.name);
  }

  #owes(tenant: FairTenant): boolean {
    return this.#shards.length === 0 && tenant.claims.some(({ queue }) => queue.finish > this.#virtual);
  }
}

function nameOf(ctx: Context, by: ResolvedFair['by']): string {
  switch (by) {
    case 'tenant':
      return ctx.tenant ?? '';
    case 'service':
      return ctx.caller.service ?? '';
    case 'subject':
      return ctx.caller.subject ?? '';
  }
}

function isShorter(a: FairQueue, b: FairQueue): boolean {
  return a.list.size < b.list.size || (a.list.size === b.list.size && a.held < b.held);
}

function waitOf(list: WaitList<FairClaim>, nowMs: number): number {
  return list.first === undefined ? 0 : nowMs - list.first.sinceMs;
}
