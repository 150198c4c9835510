import type { Listener, Subject } from './schedule.fixture.ts';

/** In what limits with a queue differ. The first word of each is what this package does. */
export interface SlotHabits {
  /** Whether a waiter that gives up leaves the queue, or keeps its place and is told when its turn has come. */
  readonly waiting: 'leaves-at-once' | 'keeps-its-place';
  /** Whether a caller that gives up while its work runs is told at once, or when the work has ended. */
  readonly running: 'told-at-once' | 'told-at-the-end';
}

/** What all of them are told alike. */
export interface SlotsSetup {
  readonly limit: number;
  readonly queue: number;
}

/** Slots with a queue, written down as plainly as can be. */
export class SlotsModel implements Subject {
  readonly #habits: SlotHabits;
  readonly #setup: SlotsSetup;
  readonly #listener: Listener;
  readonly #running = new Set<number>();
  #queue: number[] = [];
  readonly #gaveUp = new Set<number>();

  constructor(habits: SlotHabits, setup: SlotsSetup, listener: Listener) {
    this.#habits = habits;
    this.#setup = setup;
    this.#listener = listener;
  }

  advance(): void {
    // Nothing of it goes by time.
  }

  start(call: number): void {
    if (this.#running.size < this.#setup.limit) this.#begin(call);
    else if (this.#queue.length < this.#setup.queue) this.#queue.push(call);
    else this.#listener.refused(call);
  }

  end(call: number): void {
    this.#running.delete(call);
    if (this.#habits.running === 'told-at-the-end' && this.#gaveUp.has(call)) this.#listener.left(call);
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (!this.#gaveUp.has(next)) {
        this.#begin(next);
        return;
      }
      this.#listener.left(next);
    }
  }

  leave(call: number): void {
    if (this.#running.has(call)) {
      this.#gaveUp.add(call);
      if (this.#habits.running === 'told-at-once') this.#listener.left(call);
    } else if (this.#queue.includes(call)) {
      this.#gaveUp.add(call);
      if (this.#habits.waiting === 'keeps-its-place') return;
      this.#queue = this.#queue.filter((each) => each !== call);
      this.#listener.left(call);
    }
  }

  #begin(call: number): void {
    this.#running.add(call);
    this.#listener.begun(call);
  }
}
