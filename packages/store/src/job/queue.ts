import { FairleadError, type Random } from '@fairlead/core';
import { retryDelays } from '@fairlead/policy';
import type { HandledQueue, JobHandler, Queue, QueueOptions, ResolvedQueueOptions } from './job-types.ts';

const MAX_NAME = 200;

const DEFAULTS = {
  attempts: 10,
  timeoutMs: 300_000,
  concurrency: 10,
  prefetch: 0,
  retentionMs: 0,
  maxPayloadBytes: 1024 * 1024,
} as const satisfies Partial<QueueOptions>;

/** Least and most of what is a whole number. */
const RANGES = {
  attempts: [1, 1_000],
  timeoutMs: [0, 2 ** 31 - 1],
  concurrency: [1, 10_000],
  prefetch: [0, 10_000],
  retentionMs: [0, 10 * 366 * 86_400_000],
  maxPayloadBytes: [1, 64 * 1024 * 1024],
} as const satisfies Record<keyof typeof DEFAULTS, readonly [number, number]>;

/**
 * Defines a queue: a value that enqueuers and workers share. Nothing is sent. Two definitions of one name should be the same:
 * enqueuing goes by the enqueuer's, running by the worker's.
 * @throws MISCONFIGURED for a name that is empty, has a NUL or more than 200 characters, and for a value out of range, named
 */
export function queue<T>(name: string, options: QueueOptions = {}): Queue<T> {
  if (name === '' || name.length > MAX_NAME || name.includes('\0'))
    throw misconfigured(
      `A queue can't be called ${JSON.stringify(name)}: give 1 to ${MAX_NAME} characters without NUL.`,
    );
  const resolved = resolve(name, options);
  const delays = retryDelays(resolved.backoff, `The queue ${name}`);
  return { name, options: resolved, delayFor: (attempt: number, random: Random) => delays(attempt, random) };
}

/** Says who does a queue's jobs, for `worker`. */
export function handle<T>(queue: Queue<T>, handler: JobHandler<T>): HandledQueue {
  // The worker gives a queue's handler that queue's payloads and nothing else.
  return { queue: queue as Queue<unknown>, handler: handler as JobHandler<unknown> };
}

function resolve(name: string, options: QueueOptions): ResolvedQueueOptions {
  const known = new Set([...Object.keys(DEFAULTS), 'backoff', 'rate', 'share']);
  const unknown = Object.keys(options).find((key) => !known.has(key));
  if (unknown !== undefined) throw misconfigured(`The queue ${name} has no option "${unknown}".`);
  const { rate, share } = options;
  const whole = { ...DEFAULTS, ...withoutUndefined(options) };
  for (const [key, [least, most]] of Object.entries(RANGES)) {
    // Keys of RANGES are those of DEFAULTS.
    check(name, key, whole[key as keyof typeof RANGES], least, most);
  }
  if (rate !== undefined) {
    check(name, 'rate.limit', rate.limit, 1, 1_000_000);
    check(name, 'rate.perMs', rate.perMs, 1, 2 ** 31 - 1);
  }
  if (share?.maxRunning !== undefined) check(name, 'share.maxRunning', share.maxRunning, 1, 1_000_000);
  if (share?.quota !== undefined) check(name, 'share.quota', share.quota, 1, 10_000_000);
  return {
    attempts: whole.attempts,
    backoff: { base: '1s', cap: '5m', ...options.backoff },
    timeoutMs: whole.timeoutMs,
    concurrency: whole.concurrency,
    prefetch: whole.prefetch,
    rate,
    weightOf: share?.weightOf ?? (() => 1),
    maxRunning: share?.maxRunning,
    quota: share?.quota,
    retentionMs: whole.retentionMs,
    maxPayloadBytes: whole.maxPayloadBytes,
  };
}

function withoutUndefined(options: QueueOptions): QueueOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function check(name: string, key: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw misconfigured(`The queue ${name}: ${key} is ${value}; give a whole number from ${least} to ${most}.`);
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
