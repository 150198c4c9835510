import { Cron } from 'croner';
import { FairleadError } from '@fairlead/core';
import type { ScheduleOptions } from './lease-types.ts';

/** The times of a schedule, in milliseconds since the epoch. They depend on nothing but the options. */
export interface Rhythm {
  /** The first time after `ms`. */
  after(ms: number): number;
  /** The last time up to `ms`, `ms` included. */
  upTo(ms: number): number;
}

/**
 * The rhythm that the options ask for.
 * @throws MISCONFIGURED for an interval that is none, and for an expression or a time zone that can't be read
 */
export function rhythmOf(name: string, options: ScheduleOptions): Rhythm {
  return options.cron === undefined
    ? intervals(name, options.everyMs)
    : cronTimes(name, options.cron, options.timeZone ?? 'UTC');
}

/** The shortest interval, in milliseconds. */
const LEAST_MS = 1_000;

function intervals(name: string, everyMs: number): Rhythm {
  if (!Number.isSafeInteger(everyMs) || everyMs < LEAST_MS)
    throw misconfigured(
      `schedule "${name}": everyMs is ${everyMs}; give a whole number of milliseconds from ${LEAST_MS}.`,
    );
  const upTo = (ms: number): number => Math.floor(ms / everyMs) * everyMs;
  return { upTo, after: (ms) => upTo(ms) + everyMs };
}

/** Of croner only the reading of expressions and the calendar: its timers would not be ours. */
function cronTimes(name: string, expression: string, timeZone: string): Rhythm {
  const what = `schedule "${name}": cron "${expression}" in ${timeZone}`;
  let cron: Cron;
  let ever: Date | null;
  try {
    cron = new Cron(expression, { timezone: timeZone, mode: '5-or-6-parts' });
    ever = cron.nextRun(new Date(0));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
    throw misconfigured(`${what} can't be read: ${reason}`, error);
  }
  // Of a date in place of an expression there is no pattern.
  if (cron.getPattern() === undefined) throw misconfigured(`${what} is not five or six fields, nor a name as @daily.`);
  if (ever === null) throw misconfigured(`${what} never comes: no calendar has such a day.`);
  const found = (date: Date | null | undefined): number => {
    if (date === null || date === undefined) throw misconfigured(`${what} has no such time.`);
    return date.getTime();
  };
  return {
    after: (ms) => found(cron.nextRun(new Date(ms))),
    // Exclusive, and of whole seconds.
    upTo: (ms) => found(cron.previousRuns(1, new Date((Math.floor(ms / 1_000) + 1) * 1_000))[0]),
  };
}

function misconfigured(message: string, cause?: unknown): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message, { cause });
}
