import type { CloseOptions } from '@fairlead/core';
import { consumerProgress, forgetConsumer, startConsumer, type Broker, type Consumer } from '@fairlead/messaging';
import type { Election } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import { buildName, type Build } from '../projection/build.ts';
import type { Feed } from '../projection/feed.ts';
import type { FeedGround } from '../projection/log-feed.ts';
import { requireBuild, VIEW_CHANNEL } from '../projection/standing-docs.ts';
import { writeEvents, type Writing } from '../projection/write-events.ts';

/** What replicas stand on. */
export interface ReplicaGround extends FeedGround {
  readonly broker: Broker;
  readonly telemetry: Telemetry;
}

/**
 * Brings the events of another service to a build of a replica, by a consumer of the build's name. With leases one process does so at
 * a time, and another when that one is gone.
 */
export function brokerFeed(
  ground: ReplicaGround,
  source: string,
  writing: Writing,
  build: Build,
  types: ReadonlySet<string>,
): Feed {
  const { database, broker, clock, random, leases, telemetry, pollMs, backoff, maxAttempts, onWritten } = ground;
  const { view } = writing;
  const name = buildName(view, build);
  const consume = (): Consumer =>
    startConsumer({
      name,
      database,
      broker,
      sources: [source],
      clock,
      random,
      telemetry,
      pollMs,
      ...(backoff && { backoff }),
      ...(maxAttempts !== undefined && { maxAttempts }),
      accepts: ({ type }) => types.has(type),
      handler: (_ctx, event, commit) =>
        commit(async (tx) => {
          await requireBuild(tx, view, build);
          await writeEvents(tx, writing, build, [event]);
          tx.announce(VIEW_CHANNEL, view);
          tx.afterCommit(onWritten);
        }),
    });

  let own: Consumer | undefined;
  let election: Election | undefined;
  if (leases === undefined) own = consume();
  else
    election = leases.lead(`view/${name}`, async (ctx) => {
      const consumer = consume();
      await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
      await consumer.close();
    });

  async function close(options?: CloseOptions): Promise<void> {
    await own?.close(options);
    await election?.close(options);
  }

  return {
    async progress(ctx) {
      const { position, parked } = await consumerProgress(ctx, database, name, source);
      const [next] = await broker.read(ctx, source, { after: position, limit: 1 });
      return {
        lagMs: next === undefined ? 0 : Math.max(1, clock.now() - next.time),
        parked,
        asOf: position.toString(),
      };
    },
    forget: (ctx) => forgetConsumer(ctx, database, name),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
