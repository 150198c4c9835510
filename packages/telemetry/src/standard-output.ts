import type { Clock } from '@fairlead/core';
import sonicBoom from 'sonic-boom';
import { gatheredLines } from './gathered-lines.ts';
import type { LogDestination } from './logger.ts';

/** Lines that can't be written now, such as to a file on a full disk, wait for the next that can; more than this many characters are lost. */
const MOST_UNWRITTEN = 1024 * 1024;

let shared: LogDestination | undefined;

/** The standard output of this process, for all its loggers, so that their lines stay in order; gathered. */
export function standardOutput(clock: Clock): LogDestination {
  shared ??= gatheredLines({ write: writer(), clock });
  return shared;
}

function writer(): (lines: string) => void {
  // Synchronous, for what is written must not be lost when the process ends right afterwards.
  const to = new sonicBoom.SonicBoom({ fd: 1, sync: true, maxLength: MOST_UNWRITTEN });
  let isBroken = false;
  to.on('error', (error: NodeJS.ErrnoException) => {
    // No failure of what is told: whoever read has gone, or a file may not grow just now.
    isBroken = error.code === 'EPIPE';
  });
  return (lines) => {
    if (!isBroken) to.write(lines);
  };
}
