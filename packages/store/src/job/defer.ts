import { createHash } from 'node:crypto';
import type { DeferPort } from '@fairlead/policy';
import type { Database } from '../database.ts';
import { fail } from '../errors.ts';
import { enqueue } from './enqueue.ts';
import type { Queue } from './job-types.ts';

/** A call that is to be made later, as a job of it is given. */
export interface DeferredJob {
  /** Name of the policy that did not get it through. */
  readonly policy: string;
  /** What whoever makes it needs to know, as the caller said it. */
  readonly call: unknown;
}

/** Where deferred calls go. */
export interface DeferPortOptions {
  readonly database: Database;
  readonly queue: Queue<DeferredJob>;
  /** Called when one has been kept; for waking the worker. Default: nothing. */
  readonly onDeferred?: (() => void) | undefined;
}

/**
 * Keeps the calls that a policy defers as jobs, in a transaction of its own: when the caller is answered it is durable. Two
 * calls of a tenant with one key are one job while that waits or runs.
 *
 * `defer` throws JOB_OVER_QUOTA, with `retryAfterMs`, when the tenant has too many of them already.
 */
export function deferPort({ database, queue, onDeferred = () => {} }: DeferPortOptions): DeferPort {
  return {
    async defer(ctx, { policy, key, job }) {
      const result = await database.tx(ctx, (tx) =>
        enqueue(tx, queue, { policy, call: job }, key === undefined ? {} : { dedupe: dedupeOf(policy, key) }),
      );
      if (result.kind === 'over-quota') {
        throw fail(
          'JOB_OVER_QUOTA',
          `${result.queued} calls wait in ${queue.name} already, of ${result.quota} that a tenant may have there. Try again later.`,
          { retryAfterMs: result.retryAfterMs },
        );
      }
      onDeferred();
      return { jobId: result.id };
    },
  };
}

/** Keys may be long, and belong to their policy. */
function dedupeOf(policy: string, key: string): string {
  return createHash('sha256').update(`${policy}\n${key}`).digest('hex');
}
