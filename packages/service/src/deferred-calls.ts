import type { WireCall } from '@fairlead/contract';
import type { Context } from '@fairlead/core';
import type { DeferPort } from '@fairlead/policy';
import {
  deferPort,
  handle,
  queue,
  type Database,
  type DeferredJob,
  type HandledQueue,
  type QueueOptions,
} from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import { observedJob } from './observed-job.ts';

/** The queue that deferred calls are kept in. */
export const DEFERRED_CALLS = 'deferred-calls';

/** With the usual backoff about eight hours: whoever is called may be away for a night. */
const ATTEMPTS = 100;

/** A call that is made later: what goes over the wire, and in whose name. */
export interface DeferredCall {
  readonly service: string;
  readonly operation: string;
  readonly wire: WireCall;
  /** Under which the callee recognises it; the same whenever it is made. */
  readonly key?: string | undefined;
  readonly subject?: string | undefined;
  readonly roles: readonly string[];
}

/** Calls that are made later. */
export interface DeferredCalls {
  readonly port: DeferPort;
  /** For the worker of this process. */
  handled(send: (ctx: Context, call: DeferredCall) => Promise<void>): HandledQueue;
}

/** Keeps calls as jobs in a service's database. */
export function deferredCalls(
  service: string,
  database: Database,
  options: QueueOptions,
  telemetry: Telemetry,
): DeferredCalls {
  const calls = queue<DeferredJob>(DEFERRED_CALLS, { attempts: ATTEMPTS, ...options });
  return {
    port: deferPort({ database, queue: calls }),
    handled: (send) =>
      handle(
        calls,
        // The client wrote what the port was given.
        observedJob(telemetry, `${service}.${DEFERRED_CALLS}`, (ctx, job) =>
          send(ctx, (job.payload as DeferredJob).call as DeferredCall),
        ),
      ),
  };
}
