import { consumerOutcome, forgetConsumer } from '@fairlead/messaging';
import { buildName } from '../projection/build.ts';
import type { Kept } from '../projection/keeper.ts';
import { projectionWriting } from '../projection/kept-projection.ts';
import { brokerFeed, type ReplicaGround } from './broker-feed.ts';
import type { Replica } from './replica.ts';

/** A replica as something that a keeper keeps: fed by the broker. */
export function keptReplica(ground: ReplicaGround, replica: Replica): Kept {
  const { name, version, into, of } = replica;
  const { database } = ground;
  const view = `replica.${name}`;
  const writing = projectionWriting(replica, view);
  return {
    kind: 'replica',
    name,
    version,
    shards: 1,
    tables: into.kind === 'tables' ? into.tables : [],
    writing,
    outgoing: false,
    open: (build) => brokerFeed(ground, of.name, writing, build, new Set(replica.types)),
    forget: (ctx, build) => forgetConsumer(ctx, database, buildName(view, build)),
    async outcome(ctx, build, event) {
      // What an id's position is, only its owner knows.
      if (typeof event === 'string') return 'unknown';
      return consumerOutcome(ctx, database, { consumer: buildName(view, build), source: of.name, position: event });
    },
    // The broker keeps all events.
    requireBeginning: async () => {},
  };
}
