import type { Clock, Random } from '@fairlead/core';
import {
  acrossTenants,
  forgetSubscription,
  subscribe,
  type Database,
  type Leases,
  type StoreTelemetry,
} from '@fairlead/store';
import { buildName, type Build } from './build.ts';
import type { Feed } from './feed.ts';
import { writeUnmarked } from './inline.ts';
import type { Projection } from './projection-types.ts';
import { requireBuild, VIEW_CHANNEL } from './standing-docs.ts';
import { writeEvents, type Writing } from './write-events.ts';

/** What feeds stand on. */
export interface FeedGround {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly leases: Leases | undefined;
  readonly telemetry: StoreTelemetry | undefined;
  /** How often the log is looked at without a hint. */
  readonly pollMs: number;
  /** Delay between attempts of an event that fails. */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number } | undefined;
  readonly maxAttempts: number | undefined;
  /** Called when something of a build was committed here. */
  readonly onWritten: () => void;
}

/** Brings the events of the service's own log to a build of a projection, by a subscription of the build's name. */
export function logFeed(ground: FeedGround, projection: Projection, writing: Writing, build: Build): Feed {
  const { database, clock, random, leases, telemetry, pollMs, backoff, maxAttempts, onWritten } = ground;
  const { view } = writing;
  const name = buildName(view, build);
  const inline = projection.mode === 'inline';
  const { category, types } = projection;
  const subscription = subscribe({
    database,
    name,
    clock,
    random,
    pollMs,
    ...(leases && { leases }),
    ...(telemetry && { telemetry }),
    ...(backoff && { backoff }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    shards: build.shards,
    // From 0 a trimmed log is refused; a build that lacks what was trimmed must have been wanted.
    from: projection.trimmed === 'skip' ? 'start' : 0n,
    // Inline, the versions of a stream show whether somebody else has written it.
    filter: { ...(category !== undefined && { category }), ...(!inline && { types }) },
    async handler(tx, events) {
      await requireBuild(tx, view, build);
      if (inline) await writeUnmarked(tx, writing, build, events);
      else await writeEvents(tx, writing, build, events);
      tx.announce(VIEW_CHANNEL, view);
      tx.afterCommit(onWritten);
    },
  });

  return {
    async progress(ctx) {
      const state = subscription.state();
      const stopped = state.kind === 'failed' ? { stopped: { code: state.code, message: state.message } } : {};
      // In this order: what was handled by then is written, or is parked when that is counted.
      const { positions, ms } = await subscription.lag(ctx);
      const { rows } = await acrossTenants(database).query<{ parked: string }>(
        ctx,
        'select count(*)::text as parked from fairlead_parked_event where subscription = $1',
        [name],
      );
      return { lagMs: positions === 0n ? 0 : Math.max(1, ms), parked: Number(rows[0]?.parked ?? 0), ...stopped };
    },
    async forget(ctx) {
      await forgetSubscription(ctx, database, name);
    },
    close: (options) => subscription.close(options),
    [Symbol.asyncDispose]: () => subscription.close(),
  };
}
