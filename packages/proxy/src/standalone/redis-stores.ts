import { CORE_ERRORS, thrower, type Closeable } from '@fairlead/core';
import type { LimitStore } from '@fairlead/policy';
import { redisLimits } from '@fairlead/policy/redis';
import type { Logger } from '@fairlead/telemetry';
import type { Redis } from 'ioredis';
import type { RedisCacheClient } from '../filters/cache/redis-cache-client.ts';
import { ioredis } from '../on-demand.ts';

/** What gateways of several machines have in common: one Redis, or what speaks its protocol. */
export interface RedisStores extends Closeable {
  readonly limits: LimitStore;
  readonly sharedCache: RedisCacheClient;
}

const fail = thrower(CORE_ERRORS);

/** How long a start waits for Redis before it goes on without. */
const FIRST_WAIT_MS = 2_000;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Connects to a Redis by the package `ioredis`, which is for its user to install. Waits 2 s for the connection and goes on without,
 * as when it is lost later: commands then fail at once and nothing is sent late, so that limits and caches do what they say for it
 * (`shared.onFailure`; a cache passes requests on), and it is connected to again, at least every 2 s. Both are told to the log.
 *
 * @param url `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS; the password is told to nobody
 * @throws MISCONFIGURED for another URL, and where `ioredis` is not installed
 */
export async function redisStores(url: string, log: Logger): Promise<RedisStores> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol))
    throw fail('MISCONFIGURED', 'The address of Redis must be a URL such as redis://127.0.0.1:6379.');
  const Client = driver();
  const client = new Client(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: FIRST_WAIT_MS,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE_MS),
  });
  const { host } = parsed;
  let isLost = false;
  // Its message alone: of a login that is refused, the rest of the error has the password.
  client.on('error', ({ message: why }: Error) => {
    if (!isLost) log.warn(undefined, 'Redis is out of reach; limits and caches go on without it', { host, why });
    isLost = true;
  });
  const first = new Promise<void>((resolve) => {
    client.once('error', () => resolve());
    client.on('ready', () => {
      if (isLost) log.info(undefined, 'Redis is there again', { host });
      isLost = false;
      resolve();
    });
  });
  await first;
  const close = async (): Promise<void> => client.disconnect();
  return { limits: redisLimits(client), sharedCache: client, close, [Symbol.asyncDispose]: close };
}

function driver(): typeof Redis {
  try {
    return ioredis().Redis;
  } catch {
    throw fail(
      'MISCONFIGURED',
      'Redis is spoken to by the package ioredis, which is not installed: npm install ioredis.',
    );
  }
}
