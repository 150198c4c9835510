import type { TenantState } from './gate.ts';
import type { Line } from './line.ts';
import { WaitList, type Waiter } from './waiter.ts';

/** Nobody claims anything: all are alike. */
type Nobody = undefined;

/** First come, first served; who wants several slots is waited for, or it would never get them. */
export class FifoLine implements Line<Nobody> {
  readonly #list = new WaitList<Nobody>();

  get waiting(): number {
    return this.#list.size;
  }

  claimOf(): Nobody {
    return undefined;
  }

  widest(limit: number): number {
    return limit;
  }

  mayPass(): boolean {
    return this.#list.size === 0;
  }

  makeRoom(_claim: Nobody, queue: number): boolean {
    return this.#list.size < queue;
  }

  push(waiter: Waiter<Nobody>): void {
    this.#list.push(waiter);
  }

  remove(waiter: Waiter<Nobody>): void {
    this.#list.remove(waiter);
  }

  next(nowMs: number, free: number, limit: number): Waiter<Nobody> | undefined {
    const { first } = this.#list;
    if (first === undefined) return undefined;
    if (Math.min(first.width, limit) > free && nowMs <= first.untilMs) return undefined;
    this.#list.remove(first);
    return first;
  }

  started(): void {
    // A slot is a slot, whoever has it.
  }

  ended(): void {
    // And whoever had it.
  }

  refused(): void {
    // The gate counts.
  }

  waitingOf(): number {
    return this.#list.size;
  }

  delayMs(nowMs: number): number {
    return this.oldestWaitMs(nowMs);
  }

  oldestWaitMs(nowMs: number): number {
    const { first } = this.#list;
    return first === undefined ? 0 : nowMs - first.sinceMs;
  }

  tenants(): readonly TenantState[] {
    return [];
  }
}
