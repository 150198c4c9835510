import type { Context } from '@fairlead/core';
import type { ViewDeadLetter, Views, ViewStatus } from '@fairlead/events';
import type { DeadLetter, PublishedEvent } from '@fairlead/messaging';
import type { LoggedEvent } from '@fairlead/store';
import { fail } from './errors.ts';

/** What people who run a service ask of its projections and replicas. */
export interface ViewUpkeep {
  /** How they are getting on. */
  views(ctx: Context): Promise<readonly ViewStatus[]>;
  /**
   * Builds one anew beside the one that is read, which it replaces when it has caught up.
   * @throws VIEW_UNKNOWN, VIEW_BUSY, VIEW_TRIMMED; NOT_FOUND when the service has none
   */
  rebuildView(ctx: Context, name: string): Promise<{ readonly name: string; readonly build: number }>;
}

/** Upkeep of the views of a service; of none, when it has none. */
export function viewUpkeep(views: Views | undefined): ViewUpkeep {
  return {
    views: async (ctx) => views?.status(ctx) ?? [],
    async rebuildView(ctx, name) {
      if (views === undefined) throw fail('NOT_FOUND', 'This service has no projections and no replicas.');
      return views.rebuild(ctx, name);
    },
  };
}

/** What a projection gave up, as what consumers gave up is told: the consumer is the build. */
export function letterOf(source: string, letter: ViewDeadLetter): DeadLetter {
  const { handle, build, event, attempts, error, firstFailedAt, lastFailedAt, traceId, waiting } = letter;
  const known = event ?? lost(letter);
  return {
    id: handle,
    consumer: build,
    event: { ...known, source },
    attempts,
    error,
    firstFailedAt,
    lastFailedAt,
    traceId,
    waiting,
  };
}

/** Events of the log as others get them. */
export function ownEvents(source: string, events: readonly LoggedEvent[]): readonly PublishedEvent[] {
  return events.map((event) => ({ ...event, source }));
}

/** What is still known of an event that was trimmed. */
function lost({ position, key, firstFailedAt }: ViewDeadLetter): LoggedEvent {
  return {
    position,
    stream: key,
    version: 1,
    id: `trimmed-${position}`,
    type: 'trimmed',
    schemaVersion: 1,
    key,
    data: null,
    time: firstFailedAt,
    tenant: undefined,
    subject: undefined,
    traceparent: `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`,
    correlationId: `trimmed-${position}`,
    causationId: undefined,
    criticality: 'default',
  };
}
