import type { Clock, Context } from '@fairlead/core';

/** A piece of work for a processor. */
interface Task {
  readonly costMs: number;
  readonly kind: 'served' | 'rejected';
  readonly done: () => void;
}

/**
 * One processor that does one thing after the other, first come, first served, as the event loop of a process does.
 * What has been given up before its turn costs nothing.
 */
export class Cpu {
  /** Time spent so far, in milliseconds. */
  readonly spentMs = { served: 0, rejected: 0 };
  readonly #clock: Clock;
  readonly #tasks = new Set<Task>();
  #busy = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the work is done. Rejects with the Context's reason when it ends before the work's turn. */
  run(ctx: Context, costMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const task: Task = {
        costMs,
        kind: 'served',
        done: () => {
          leave();
          resolve();
        },
      };
      this.#tasks.add(task);
      const leave = ctx.onEnd((reason) => {
        if (this.#tasks.delete(task)) reject(reason);
      });
      this.#next();
    });
  }

  /** Turning somebody away is work too, and can't be given up. */
  reject(costMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#tasks.add({ costMs, kind: 'rejected', done: resolve });
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    for (const task of this.#tasks) {
      this.#tasks.delete(task);
      this.#busy = true;
      this.#clock.setTimer(task.costMs, () => {
        this.spentMs[task.kind] += task.costMs;
        this.#busy = false;
        task.done();
        this.#next();
      });
      return;
    }
  }
}
