import type { Clock, Timer } from '@fairlead/core';
import sonicBoom from 'sonic-boom';
import type { LogDestination } from './logger.ts';

/** Beyond this many characters nothing waits. */
const MOST_HELD = 65_536;

/** Lines that can't be written now, such as to a file on a full disk, wait for the next that can; more than this many characters are lost. */
const MOST_UNWRITTEN = 1024 * 1024;

let shared: StandardOutput | undefined;

/**
 * The standard output of this process, for all its loggers, so that their lines stay in order. Lines wait for company
 * until the event loop has a moment, at most a millisecond or two of it, and are written in one go: a write for every
 * line takes a busy service longer than its work. `flush` writes at once, and so does the end of the process, however it
 * comes about except by SIGKILL.
 */
export function standardOutput(clock: Clock): LogDestination {
  shared ??= new StandardOutput(clock);
  return shared;
}

class StandardOutput implements LogDestination {
  readonly #clock: Clock;
  // Synchronous, for what is written must not be lost when the process ends right afterwards.
  readonly #to = new sonicBoom.SonicBoom({ fd: 1, sync: true, maxLength: MOST_UNWRITTEN });
  #broken = false;
  #held = '';
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#to.on('error', (error: NodeJS.ErrnoException) => {
      // No failure of what is told: whoever read has gone, or a file may not grow just now.
      this.#broken = error.code === 'EPIPE';
    });
    process.on('exit', () => this.flush());
  }

  write(line: string): void {
    this.#held += line;
    if (this.#held.length > MOST_HELD) this.flush();
    else this.#timer ??= this.#clock.setTimer(0, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const text = this.#held;
    this.#held = '';
    if (text !== '' && !this.#broken) this.#to.write(text);
  }
}
