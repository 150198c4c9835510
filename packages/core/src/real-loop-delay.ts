import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
/** A measurement stands for so long, so that several readers see the same. */
const WINDOW_MS = 50;
const NANOSECONDS_PER_MS = 1e6;

/** Measures how late the event loop runs what is due. */
export interface LoopDelay extends Disposable {
  /**
   * The mean delay of about the last 50 ms, or since it was asked for last if that is longer; in milliseconds, 0 for none.
   */
  delayMs(): number;
}

/**
 * The event loop's delay, by a timer inside Node that runs every 10 ms from the first question on and does not keep the process
 * alive. For process entry points, to be handed to what sheds load. Dispose it to stop the timer; it then says what it said last.
 */
export function realLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let isMeasured = false;
  let measuredAtMs = performance.now();
  let lastMs = 0;
  return {
    delayMs() {
      if (!isMeasured) isMeasured = histogram.enable();
      const nowMs = performance.now();
      if (nowMs - measuredAtMs < WINDOW_MS || histogram.count === 0) return lastMs;
      // What is recorded is the time between two runs of the timer, which is its period when nothing is late.
      lastMs = Math.max(0, histogram.mean / NANOSECONDS_PER_MS - RESOLUTION_MS);
      measuredAtMs = nowMs;
      histogram.reset();
      return lastMs;
    },
    [Symbol.dispose]() {
      // Nobody begins it any more.
      isMeasured = true;
      histogram.disable();
    },
  };
}
