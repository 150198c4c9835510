import { isError, type Context, type ScopedContext } from '@fairlead/core';
import type { Tx } from '../database.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import { sqlState } from '../postgres/postgres-errors.ts';
import { loopContext } from '../wake/loop-context.ts';
import type { CursorName } from './cursor-doc.ts';
import { moveCursor, type Cursor } from './cursor.ts';
import { shardOf } from './event-filter.ts';
import type { EventSource } from './event-source.ts';
import { failureOf, nextAttempt, type Failure } from '../failure.ts';
import {
  parkedHead,
  parkFailed,
  parkWaiting,
  recordFailure,
  takeParked,
  type FailedEvent,
  type ParkedHead,
} from './parked-events.ts';
import type { SubscriptionMetrics } from './subscription-metrics.ts';
import type { ResolvedSubscription } from './subscription-options.ts';

/** What the work on one shard stands on. */
export interface ShardGround {
  readonly options: ResolvedSubscription;
  readonly of: CursorName;
  readonly source: EventSource;
  readonly metrics: SubscriptionMetrics;
  /** Aborts when what is under way is to end. */
  readonly signal: AbortSignal;
  /** Aborts when a handler that ignores its Context is not waited for any longer. */
  readonly abandoned: AbortSignal;
}

/** One transaction's work: what it handles, what it parks, and where the cursor stands after it. */
interface Step {
  readonly position: bigint;
  readonly events: readonly LoggedEvent[];
  readonly write?: (tx: Tx) => Promise<void>;
}

/** How many events of one parked key are made up for before the others have their turn. */
const PARKED_RUN = 100;
const STEP_TIMEOUT_MS = 30_000;
/** Failures of the ground that the work stands on: no event's fault, so none is parked for them. */
const GROUND_CODES = ['DATABASE_UNAVAILABLE', 'COMMIT_UNKNOWN', 'DATABASE_FULL', 'CURSOR_MOVED'];
/** Serialization failure, deadlock. */
const COLLISIONS = new Set(['40001', '40P01']);

/**
 * What the owner of a shard does with events: handles them in the transaction that moves the cursor; finds those that fail,
 * parks their keys, and tries them again. Used by one loop, one call at a time. What is thrown leaves everything as it was
 * committed last, and the cursor has to be claimed again.
 */
export class ShardWork {
  readonly #ground: ShardGround;
  /** Keys that are parked. May name one that no longer is; never misses one that is. */
  readonly parkedKeys: Set<string>;
  #cursor: Cursor;

  constructor(ground: ShardGround, cursor: Cursor, parkedKeys: Iterable<string>) {
    this.#ground = ground;
    this.#cursor = cursor;
    this.parkedKeys = new Set(parkedKeys);
  }

  /** Where the stored cursor stands. */
  get position(): bigint {
    return this.#cursor.position;
  }

  get epoch(): string {
    return this.#cursor.epoch;
  }

  /** Moves the cursor over what needs no work. */
  async pass(position: bigint): Promise<void> {
    await this.#commit({ position, events: [] });
  }

  /** Handles events and moves the cursor to `position`, at or behind the last of them. */
  async handle(read: readonly LoggedEvent[], position: bigint): Promise<void> {
    const events = this.#cursor.inherited.length === 0 ? read : read.filter((event) => !this.#isDone(event));
    const waiting = events.filter((event) => this.parkedKeys.has(event.key));
    const due = waiting.length === 0 ? events : events.filter((event) => !this.parkedKeys.has(event.key));
    const { of, metrics } = this.#ground;
    const park = (tx: Tx): Promise<void> => parkWaiting(tx, of, waiting);
    const failure = await this.#attempt({ position, events: due, write: park });
    if (failure === undefined) {
      metrics.events(of.shard, 'handled', due.length);
      return;
    }
    const [only] = due;
    if (due.length === 1 && only !== undefined) {
      await this.#parkFirst(only, failure, position, park);
      return;
    }
    const middle = due[due.length >> 1]?.position ?? position;
    await this.handle(
      events.filter((event) => event.position < middle),
      middle - 1n,
    );
    await this.handle(
      events.filter((event) => event.position >= middle),
      position,
    );
  }

  /** Tries the head of a parked key that is due; when it goes well, those behind it. */
  async retry(key: string): Promise<void> {
    const { database } = this.#ground.options;
    for (let tried = 0; tried < PARKED_RUN; tried += 1) {
      const head = await this.#ask((ctx) => parkedHead(ctx, database, this.#ground.of, key));
      if (head === undefined) {
        this.parkedKeys.delete(key);
        return;
      }
      if (head.dead || head.dueInMs > 0 || !(await this.#retryHead(head))) return;
    }
  }

  /** Whether the event was handled when the subscription was divided in another way. */
  #isDone({ key, position }: LoggedEvent): boolean {
    return this.#cursor.inherited.some(({ positions }) => {
      return position <= BigInt(positions[shardOf(key, positions.length)] ?? 0);
    });
  }

  async #retryHead(head: ParkedHead): Promise<boolean> {
    const { of, source, metrics } = this.#ground;
    const event = await this.#ask((ctx) => source.at(ctx, head.position));
    const { position } = this.#cursor;
    const take = async (tx: Tx): Promise<void> => {
      if (!(await takeParked(tx, of, head))) throw new Gone();
    };
    const failure = event === undefined ? TRIMMED : await this.#attempt({ position, events: [event], write: take });
    if (failure === undefined) {
      metrics.events(of.shard, 'handled', 1);
      return true;
    }
    const tried = { attempts: head.attempts + 1, postponed: head.postponed };
    const failed = { failure, ...nextAttempt(tried, failure, this.#ground.options) };
    await this.#commit({ position, events: [], write: (tx) => recordFailure(tx, of, head, failed) });
    this.#tell({ key: head.key, position: head.position }, failed, tried.attempts);
    return false;
  }

  async #parkFirst(
    event: LoggedEvent,
    failure: Failure,
    position: bigint,
    park: (tx: Tx) => Promise<void>,
  ): Promise<void> {
    const { of, options } = this.#ground;
    const failed = { failure, ...nextAttempt({ attempts: 1, postponed: 0 }, failure, options) };
    // Before the statement: its answer may be lost.
    this.parkedKeys.add(event.key);
    const write = async (tx: Tx): Promise<void> => {
      await park(tx);
      await parkFailed(tx, of, event, failed);
    };
    await this.#commit({ position, events: [], write });
    this.#tell(event, failed, 1);
  }

  /** The handler's failure; `undefined` when all went well. Throws what is no event's fault. */
  async #attempt(step: Step): Promise<Failure | undefined> {
    try {
      await this.#commit(step);
      return undefined;
    } catch (error) {
      if (error instanceof Gone) return undefined;
      if (step.events.length === 0 || this.#ground.signal.aborted || isGround(error)) throw error;
      using ctx = this.#context(0);
      return failureOf(error, ctx);
    }
  }

  async #commit({ position, events, write }: Step): Promise<void> {
    const { options, of } = this.#ground;
    const { handler, deliver } = options.handling;
    using ctx = this.#context(events.length === 0 ? STEP_TIMEOUT_MS : options.handlerTimeoutMs);
    let handling: Promise<unknown> = Promise.resolve();
    try {
      if (deliver !== undefined && events.length > 0) {
        handling = deliver(ctx, events);
        await untilEnd(ctx, handling);
      }
      this.#cursor = await options.database.tx(ctx, async (tx) => {
        const cursor = await moveCursor(tx, of, this.#cursor, position);
        await write?.(tx);
        if (handler !== undefined && events.length > 0) {
          const running = handler(tx, events);
          handling = running;
          await running;
        }
        return cursor;
      });
    } finally {
      // A handler that goes on after its time must not meet the next one.
      await endOf(handling, this.#ground.abandoned);
    }
  }

  async #ask<T>(question: (ctx: Context) => Promise<T>): Promise<T> {
    using ctx = this.#context(STEP_TIMEOUT_MS);
    return await question(ctx);
  }

  #context(timeoutMs: number): ScopedContext {
    const { options, signal } = this.#ground;
    const { clock, random } = options;
    return loopContext({ clock, random, signal, ...(timeoutMs === 0 ? {} : { timeoutMs }) });
  }

  #tell(event: { readonly key: string; readonly position: bigint }, failed: FailedEvent, attempts: number): void {
    const { options, of, metrics } = this.#ground;
    metrics.events(of.shard, failed.dead ? 'dead' : 'failed', 1);
    options.telemetry.log.warn(
      undefined,
      failed.dead
        ? 'An event failed too often and is dead; later events of its key wait until it is redriven or discarded'
        : 'An event failed; its key is parked and it is tried again',
      {
        subscription: of.name,
        position: event.position.toString(),
        key: event.key,
        attempts,
        code: failed.failure.code,
        error: failed.failure.message,
      },
    );
  }
}

/** A parked event was discarded while it was being tried. */
class Gone extends Error {}

const TRIMMED: Failure = {
  code: 'LOG_TRIMMED',
  message: 'The event was trimmed from the log. Restore it from the archive, or discard it.',
  traceId: '',
  postponed: false,
  retryAfterMs: 0,
};

function isGround(error: unknown): boolean {
  const state = sqlState(error);
  return GROUND_CODES.some((code) => isError(error, code)) || (state !== undefined && COLLISIONS.has(state));
}

/** Settles with `work`, or with the Context's reason when that ends first. */
function untilEnd(ctx: Context, work: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = ctx.onEnd(reject);
    work.then(resolve, reject).finally(stop);
  });
}

/** Resolves when `work` has settled, or nobody wants to know any more. */
function endOf(work: Promise<unknown>, abandoned: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      abandoned.removeEventListener('abort', done);
      resolve();
    };
    if (abandoned.aborted) resolve();
    abandoned.addEventListener('abort', done, { once: true });
    work.then(done, done);
  });
}
