import { createHash } from 'node:crypto';
import { CORE_ERRORS, thrower, type Context } from '@fairlead/core';
import type { LimitStore, LimitVerdict } from '../limit-store.ts';
import type { ResolvedRate } from '../rate-limit-options.ts';
import { LIMIT_SCRIPT } from './limit-script.ts';

/** What is used of a Redis client; an `ioredis` client is one. Redis 5 or newer, or what speaks its protocol. */
export interface RedisLimitClient {
  /** Runs a script that the server knows by its SHA-1; rejects with a message that begins with NOSCRIPT if it doesn't. */
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** How limits are kept. */
export interface RedisLimitOptions {
  /** What the keys begin with, so that several platforms can share a Redis. Default `fairlead:limit:`. */
  readonly prefix?: string;
}

const SHA = createHash('sha1').update(LIMIT_SCRIPT).digest('hex');
const fail = thrower(CORE_ERRORS);

/**
 * A store of limits in Redis: one script and one key a decision, by the server's clock, so that processes whose clocks
 * differ count alike. The client stays its owner's, who closes it. Give it no queue for while it is not connected
 * (`enableOfflineQueue: false`), or what nobody waits for any more will still be counted when it is.
 *
 * It rejects when Redis does not decide; what happens then is for the policy to say (`shared.onFailure`).
 */
export function redisLimits(client: RedisLimitClient, options: RedisLimitOptions = {}): LimitStore {
  const prefix = options.prefix ?? 'fairlead:limit:';
  return {
    async admit(ctx: Context, key: string, rate: ResolvedRate, cost: number): Promise<LimitVerdict> {
      ctx.throwIfAborted();
      const perMicroseconds = rate.perMs * 1_000;
      const values = [prefix + key, ...[rate.count, perMicroseconds, rate.burst, cost].map(String)];
      return verdictOf(await evaluate(client, values), key);
    },
  };
}

async function evaluate(client: RedisLimitClient, values: readonly string[]): Promise<unknown> {
  try {
    return await client.evalsha(SHA, 1, ...values);
  } catch (error) {
    // A server that has been restarted, or another one of a cluster. Nothing has been counted.
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return client.eval(LIMIT_SCRIPT, 1, ...values);
  }
}

function verdictOf(answer: unknown, key: string): LimitVerdict {
  const [admitted, available, waitMicroseconds] = Array.isArray(answer) ? answer.map(Number) : [];
  if (admitted === undefined || available === undefined || waitMicroseconds === undefined || Number.isNaN(available)) {
    throw fail('UNAVAILABLE', `Redis answered with ${JSON.stringify(answer)} about the limit "${key}".`);
  }
  if (admitted === 1) return { kind: 'admitted', available };
  return { kind: 'refused', available, retryAfterMs: waitMicroseconds < 0 ? Infinity : waitMicroseconds / 1_000 };
}
