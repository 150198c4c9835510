import type { Clock, Timer } from './clock.ts';
import { DueHeap, NOWHERE, type Due } from './due-heap.ts';
import { checkDelay } from './real-clock.ts';
import { realTurn } from './real-turn.ts';
import { sleepOn } from './sleep.ts';

/** What a virtual clock begins with. */
export interface VirtualClockOptions {
  /** Wall time at the start, in milliseconds since the epoch. Default 1 700 000 000 000 (14 November 2023). */
  readonly startMs?: number;
  /** Told of every timer just before it runs, to be hashed or logged. */
  readonly onTimer?: (run: TimerRun) => void;
}

/** A timer that is about to run. */
export interface TimerRun {
  /** Monotonic time at which it was due, in milliseconds. */
  readonly dueMs: number;
  /** Counts the timers set on this clock; the order among those due at the same time. */
  readonly seq: number;
  /** Name of the owner (see `VirtualClock.owned`); empty for timers set on the clock itself. */
  readonly owner: string;
}

/** A part of a virtual clock whose timers can vanish together, as in a crash. */
export interface OwnedClock extends Clock {
  /** Timers of this owner that have not run. */
  readonly pending: number;
  /**
   * Drops every pending timer of this owner and refuses new ones silently: they never run and don't count. What a
   * crashed process had planned, or still tries to plan, never happens.
   */
  crash(): void;
}

/**
 * Time that only moves when told to. Timers run in the order of (due time, order of setting), so the same program
 * gives the same order, always.
 */
export interface VirtualClock extends Clock {
  /** Timers that have neither run nor been cancelled. A test that ends with more than 0 has left one behind. */
  readonly pending: number;
  /** Monotonic time of the next timer, in milliseconds; `undefined` when there is none. */
  readonly nextDueMs: number | undefined;
  /**
   * Moves time to the next timer and runs it, synchronously. False when there is none that ever runs. An error of the
   * timer's function comes out here.
   */
  runNext(): boolean;
  /**
   * Moves time by `ms`, running what becomes due on the way. Before, between and after the timers one turn of the real
   * event loop passes, so that promises settle (and may set further timers).
   */
  advance(ms: number): Promise<void>;
  /**
   * Runs timers until none is left, with a turn of the event loop around each.
   * @throws Error after `maxTimers` (default 10 000), as a timer that sets itself again would never end
   */
  runAll(maxTimers?: number): Promise<void>;
  /** Sets the wall clock forward or (negative) back by `ms`. Monotonic time and timers don't notice. */
  jump(ms: number): void;
  /** A clock for one owner on the same time. */
  owned(owner: string): OwnedClock;
}

interface Entry extends Due {
  readonly seq: number;
  readonly owner: string;
  readonly fn: () => void;
}

/** A clock for tests and the simulator. Starts at monotonic time 0. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const heap = new DueHeap<Entry>(isBefore);
  let elapsedMs = 0;
  let wallOffsetMs = options.startMs ?? 1_700_000_000_000;
  let seq = 0;

  const set = (owner: string, delayMs: number, fn: () => void): Entry => {
    checkDelay(delayMs);
    const entry: Entry = { dueMs: elapsedMs + delayMs, seq: seq++, owner, fn, index: NOWHERE };
    heap.add(entry);
    return entry;
  };
  const runNext = (): boolean => {
    const entry = heap.first;
    if (entry === undefined || entry.dueMs === Infinity) return false;
    heap.remove(entry);
    elapsedMs = entry.dueMs;
    options.onTimer?.({ dueMs: entry.dueMs, seq: entry.seq, owner: entry.owner });
    entry.fn();
    return true;
  };
  const clockFor = (setTimer: (delayMs: number, fn: () => void) => Timer): Clock => {
    const clock: Clock = {
      isStepped: true,
      now: () => wallOffsetMs + elapsedMs,
      monotonic: () => elapsedMs,
      setTimer,
      sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    };
    return clock;
  };

  const own = clockFor((delayMs, fn) => {
    const entry = set('', delayMs, fn);
    return { cancel: () => heap.remove(entry) };
  });
  return {
    ...own,
    get pending() {
      return heap.size;
    },
    get nextDueMs() {
      return heap.first?.dueMs;
    },
    runNext,
    async advance(ms) {
      checkDelay(ms);
      const endMs = elapsedMs + ms;
      await realTurn();
      for (let next = heap.first; next !== undefined && next.dueMs <= endMs; next = heap.first) {
        if (!runNext()) break;
        await realTurn();
      }
      elapsedMs = Math.max(elapsedMs, endMs);
    },
    async runAll(maxTimers = 10_000) {
      await realTurn();
      for (let count = 0; runNext(); count++) {
        if (count >= maxTimers) throw new Error(`The virtual clock still has timers after running ${maxTimers}.`);
        await realTurn();
      }
    },
    jump(ms) {
      wallOffsetMs += ms;
    },
    owned(owner) {
      const mine = new Set<Entry>();
      let crashed = false;
      const clock = clockFor((delayMs, fn) => {
        checkDelay(delayMs);
        if (crashed) return { cancel: () => {} };
        const entry = set(owner, delayMs, () => {
          mine.delete(entry);
          fn();
        });
        mine.add(entry);
        return {
          cancel: () => {
            mine.delete(entry);
            heap.remove(entry);
          },
        };
      });
      return {
        ...clock,
        get pending() {
          return mine.size;
        },
        crash() {
          crashed = true;
          for (const entry of mine) heap.remove(entry);
          mine.clear();
        },
      };
    },
  };
}

/** By due time, and by the order of setting. */
function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.seq < b.seq);
}
