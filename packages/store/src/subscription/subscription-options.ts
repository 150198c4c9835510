import { backoff, FairleadError, type Backoff, type Clock, type Random } from '@fairlead/core';
import type { Database } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import type { Leases } from '../lease/lease-types.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import { SILENT, type StoreTelemetry } from '../telemetry.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import { eventFilter, shardOf } from './event-filter.ts';
import type { EventHandling, SubscribeOptions } from './subscription-types.ts';

/** Options with every default filled in. */
export interface ResolvedSubscription {
  readonly name: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly from: 'start' | 'end' | bigint;
  readonly shards: number;
  readonly leases: Leases | undefined;
  readonly batchSize: number;
  readonly handlerTimeoutMs: number;
  readonly maxAttempts: number;
  readonly attemptDelays: Backoff;
  readonly pollMs: number;
  readonly seal: PayloadSeal | undefined;
  readonly telemetry: StoreTelemetry;
  readonly handling: EventHandling;
  /** Whether an event is for this shard of this subscription. */
  readonly concerns: (event: LoggedEvent, shard: number) => boolean;
}

const DEFAULTS = {
  from: 'start',
  batchSize: 500,
  shards: 1,
  handlerTimeoutMs: 30_000,
  maxAttempts: 10,
  backoff: { baseMs: 500, maxMs: 300_000 },
  pollMs: 250,
} as const satisfies Partial<SubscribeOptions>;

const RANGES = {
  batchSize: [1, 10_000],
  shards: [1, 256],
  handlerTimeoutMs: [0, 2 ** 31 - 1],
  maxAttempts: [1, 2 ** 31 - 1],
  pollMs: [1, 2 ** 31 - 1],
} as const;

/**
 * Fills in the defaults.
 * @throws MISCONFIGURED for a bad name or a value out of range
 */
export function resolveSubscription(options: SubscribeOptions): ResolvedSubscription {
  const { name, filter = {}, random } = options;
  checkName(name);
  const given = { ...DEFAULTS, ...options };
  for (const key of ['batchSize', 'shards', 'handlerTimeoutMs', 'maxAttempts', 'pollMs'] as const) {
    const [least, most] = RANGES[key];
    if (!Number.isInteger(given[key]) || given[key] < least || given[key] > most)
      throw misconfigured(
        `subscribe("${name}"): ${key} is ${given[key]}; give a whole number from ${least} to ${most}.`,
      );
  }
  if (typeof given.from === 'bigint' && given.from < 0n)
    throw misconfigured(`subscribe("${name}"): from is ${given.from}; give a position from 0, 'start' or 'end'.`);
  const matches = eventFilter(filter);
  const { shards } = given;
  return {
    ...given,
    // Cursors are nobody's, and events of all tenants are read.
    database: acrossTenants(options.database),
    leases: options.leases,
    seal: options.seal,
    attemptDelays: backoff({ ...given.backoff, random }),
    telemetry: options.telemetry ?? SILENT,
    handling: options,
    concerns: (event, shard) => matches(event) && shardOf(event.key, shards) === shard,
  };
}

/** @throws MISCONFIGURED */
export function checkName(name: string): void {
  if (name === '' || name.includes('/') || name.includes('\0'))
    throw misconfigured(`A subscription can't be called ${JSON.stringify(name)}; give it a name without "/" and NUL.`);
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
