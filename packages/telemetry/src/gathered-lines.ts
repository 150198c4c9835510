import type { Clock, Timer } from '@fairlead/core';
import type { LogDestination } from './logger.ts';

/** Beyond this many characters nothing waits. */
const MOST_HELD = 65_536;

/** How lines are gathered. */
export interface GatheredLinesOptions {
  /** Takes lines with their line breaks, many at a time; what it takes is safe from a crash of the process when it returns. */
  readonly write: (lines: string) => void;
  readonly clock: Clock;
}

/**
 * Lines that wait for company until the event loop has a moment, at most a millisecond or two of it, and are written in one go: a write for
 * every line takes a busy process longer than its work. `flush` writes at once, and so does the end of the process, unless a signal
 * ends it that nobody listens for.
 */
export function gatheredLines(options: GatheredLinesOptions): Required<LogDestination> {
  return new GatheredLines(options);
}

/** Those that hold something, to be written when the process ends. */
const waiting = new Set<GatheredLines>();
let hearsTheEnd = false;

class GatheredLines implements LogDestination {
  readonly #write: (lines: string) => void;
  readonly #clock: Clock;
  #held = '';
  #timer: Timer | undefined;

  constructor({ write, clock }: GatheredLinesOptions) {
    this.#write = write;
    this.#clock = clock;
    if (!hearsTheEnd) process.on('exit', () => waiting.forEach((lines) => lines.flush()));
    hearsTheEnd = true;
  }

  write(line: string): void {
    this.#held += line;
    if (this.#held.length > MOST_HELD) this.flush();
    else if (this.#timer === undefined) {
      waiting.add(this);
      this.#timer = this.#clock.setTimer(0, () => this.flush());
    }
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    waiting.delete(this);
    const lines = this.#held;
    this.#held = '';
    try {
      if (lines !== '') this.#write(lines);
    } catch {
      // There is nowhere left to tell it, and work must not fail because its log does.
    }
  }
}
