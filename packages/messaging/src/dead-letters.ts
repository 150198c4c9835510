import type { Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import type { PublishedEvent } from './broker.ts';

/** An event that failed too often. Later events of its key wait until it is redriven or discarded. */
export interface DeadLetter {
  /** Handle for `redrive` and `discard`; unique within the consumer's database. */
  readonly id: string;
  readonly consumer: string;
  readonly event: PublishedEvent;
  /** How often it was tried since it was parked or last redriven. */
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string };
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number;
  readonly lastFailedAt: number;
  /** Trace of the attempts, for `fairlead trace`. */
  readonly traceId: string;
  /** Later events of the same key that wait behind it. */
  readonly waiting: number;
}

/** The dead letters in a consumer's database, oldest failure first. `limit` defaults to 100. */
export async function deadLetters(
  ctx: Context,
  database: Database,
  options: { readonly consumer?: string; readonly limit?: number } = {},
): Promise<readonly DeadLetter[]> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name} ${options.limit}`);
}

/** Makes a dead letter due again with all its attempts. False when there is none with this id. */
export async function redrive(ctx: Context, database: Database, id: string): Promise<boolean> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name} ${id}`);
}

/** Drops a parked event for good; the next of its key goes on. False when there is none with this id. */
export async function discard(ctx: Context, database: Database, id: string): Promise<boolean> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name} ${id}`);
}
