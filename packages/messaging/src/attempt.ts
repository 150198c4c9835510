import {
  continueFrom,
  isError,
  stepKey,
  type Clock,
  type Context,
  type Random,
  type ScopedContext,
} from '@fairlead/core';
import { failureOf, type Database, type Failure, type Tx } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import type { PublishedEvent } from './broker.ts';
import { CommitGate, type CommitOutcome } from './commit-gate.ts';
import type { EventHandler } from './consumer-options.ts';
import type { ConsumerInstruments } from './instruments.ts';

/** What attempts of one consumer share. */
export interface AttemptSettings {
  readonly consumer: string;
  readonly database: Database;
  readonly handler: EventHandler;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly instruments: ConsumerInstruments;
  readonly handlerTimeoutMs: number;
  /** Aborts when the consumer gives up what is under way. */
  readonly signal: AbortSignal;
}

/** One event to try. */
export interface AttemptSubject {
  readonly event: PublishedEvent;
  /** First statement of the handler's transaction. */
  readonly settle: (tx: Tx) => Promise<void>;
  /** Keeps the slot until the handler has really ended, also when it ignores its signal. */
  readonly hold: (until: Promise<unknown>) => void;
}

/** What came of an attempt. */
export type AttemptOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The consumer is closing: nothing was decided, the event comes again. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'fenced' };

type HandlerEnd = { readonly kind: 'resolved' } | { readonly kind: 'rejected'; readonly error: unknown };

/**
 * Runs the handler once, in a Context that goes on from the event. Never rejects. When the time limit passes or the
 * consumer closes, a commit that has begun is waited for (its Context ends it), and none can begin any more, even when
 * the handler goes on.
 */
export async function attempt(settings: AttemptSettings, subject: AttemptSubject): Promise<AttemptOutcome> {
  if (settings.signal.aborted) return { kind: 'interrupted' };
  const { event } = subject;
  const startedAt = settings.clock.monotonic();
  using root = handlerContext(settings, event);
  let outcome: AttemptOutcome | undefined;
  try {
    await settings.telemetry.tracer.span(
      root,
      {
        name: `process ${event.source} ${event.type}`,
        kind: 'consumer',
        attributes: {
          'messaging.system': 'fairlead',
          'messaging.operation.type': 'process',
          'messaging.destination.name': event.source,
          'messaging.consumer.group.name': settings.consumer,
          'messaging.message.id': event.id,
          'fairlead.event.type': event.type,
          'fairlead.event.key': event.key,
        },
      },
      async (ctx) => {
        const ended = await run(settings, subject, ctx);
        outcome = ended.outcome;
        // Thrown for the span alone: it tells the failure in its own way.
        if (ended.outcome.kind === 'failed') throw ended.error;
      },
    );
  } catch (error) {
    outcome ??= { kind: 'failed', failure: failureOf(error, root) };
  }
  const settled = outcome ?? { kind: 'interrupted' };
  settings.instruments.handled({
    source: event.source,
    type: event.type,
    outcome: settled.kind === 'done' ? 'ok' : settled.kind === 'failed' ? settled.failure.code : settled.kind,
    durationMs: settings.clock.monotonic() - startedAt,
  });
  return settled;
}

function handlerContext(settings: AttemptSettings, event: PublishedEvent): ScopedContext {
  const options = {
    clock: settings.clock,
    random: settings.random,
    signal: settings.signal,
    timeoutMs: settings.handlerTimeoutMs === 0 ? undefined : settings.handlerTimeoutMs,
    caller: { service: event.source, subject: event.subject, roles: [] },
    causationId: event.id,
  };
  // Two consumers of one event must not meet under one key downstream, so the consumer is part of it.
  using keyed = continueFrom({}, { ...options, timeoutMs: undefined, idempotencyKey: event.id });
  return continueFrom(event, { ...options, idempotencyKey: stepKey(keyed, settings.consumer, event.source) });
}

interface Ended {
  readonly outcome: AttemptOutcome;
  /** Why, when it failed. */
  readonly error?: unknown;
}

async function run(settings: AttemptSettings, subject: AttemptSubject, ctx: Context): Promise<Ended> {
  const { event, settle, hold } = subject;
  const gate = new CommitGate(ctx, settings.database, settle);
  const handling = (async () => settings.handler(ctx, event, gate.commit))();
  hold(handling);
  const end = await orAborted(handling, ctx.signal);
  let committed = await gate.close();
  if (committed.kind === 'none' && end.kind === 'resolved') committed = await gate.commitEmpty();
  const decided = decidedByCommit(committed);
  if (decided !== undefined) {
    if (decided.kind === 'done' && end.kind === 'rejected') {
      settings.telemetry.log.warn(ctx, 'A handler failed after its commit; the event stays handled', {
        error: end.error,
        event: event.id,
      });
    }
    return { outcome: decided };
  }
  if (settings.signal.aborted) return { outcome: { kind: 'interrupted' } };
  const error = end.kind === 'rejected' ? end.error : committed.kind === 'failed' ? committed.error : undefined;
  return { outcome: { kind: 'failed', failure: failureOf(error, ctx) }, error };
}

function decidedByCommit(committed: CommitOutcome): AttemptOutcome | undefined {
  if (committed.kind === 'committed') return { kind: 'done' };
  if (committed.kind === 'none') return undefined;
  if (isError(committed.error, 'ALREADY_HANDLED')) return { kind: 'done' };
  if (isError(committed.error, 'CONSUMER_FENCED')) return { kind: 'fenced' };
  return undefined;
}

async function orAborted(handling: Promise<void>, signal: AbortSignal): Promise<HandlerEnd> {
  const { promise, resolve } = Promise.withResolvers<HandlerEnd>();
  const onAbort = (): void => resolve({ kind: 'rejected', error: signal.reason });
  handling.then(
    () => resolve({ kind: 'resolved' }),
    (error: unknown) => resolve({ kind: 'rejected', error }),
  );
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
