import { isError, type Context } from '@fairlead/core';
import { acrossTenants, eventOutcome, forgetSubscription, logReader, type Row } from '@fairlead/store';
import { fail } from '../errors.ts';
import { buildName } from './build.ts';
import { isWritten } from './inline.ts';
import type { Kept } from './keeper.ts';
import { logFeed, type FeedGround } from './log-feed.ts';
import { decoded } from './projection.ts';
import type { Projection } from './projection-types.ts';
import type { Writing } from './write-events.ts';

interface FoundRow extends Row {
  readonly position: string;
  readonly key: string;
  readonly type: string;
  readonly stream: string;
  readonly version: string;
}

/** A projection as something that a keeper keeps: fed by the service's own log. */
export function keptProjection(ground: FeedGround, projection: Projection, outgoing: boolean): Kept {
  const { name, version, shards, into } = projection;
  const view = `projection.${name}`;
  const writing = projectionWriting(projection, view);
  const whole = acrossTenants(ground.database);
  return {
    kind: 'projection',
    name,
    version,
    shards,
    tables: into.kind === 'tables' ? into.tables : [],
    writing,
    outgoing,
    open: (build) => logFeed(ground, projection, writing, build),
    async forget(ctx, build) {
      await forgetSubscription(ctx, whole, buildName(view, build));
    },
    async outcome(ctx, build, event) {
      const found = await find(ctx, event);
      if (found === undefined) return 'unknown';
      if (!writing.concerns(found)) return 'handled';
      const { stream, version: at } = found;
      const isInline = projection.mode === 'inline';
      if (isInline && (await isWritten({ ctx, database: whole }, writing, build, { stream, version: Number(at) })))
        return 'handled';
      return eventOutcome(ctx, whole, buildName(view, build), { position: BigInt(found.position), key: found.key });
    },
    async requireBeginning(ctx) {
      if (projection.trimmed === 'skip') return;
      try {
        await logReader(whole, { gapWaitMs: 0 }).read(ctx, { after: 0n, limit: 1 });
      } catch (error) {
        if (!isError(error, 'LOG_TRIMMED')) throw error;
        throw fail(
          'VIEW_TRIMMED',
          `${view} can't be built anew: the log was trimmed up to position ${String(error.details['through'])}. Restore the archive, or say trimmed: 'skip' and do without what was before.`,
          { cause: error },
        );
      }
    },
  };

  async function find(ctx: Context, event: bigint | string): Promise<FoundRow | undefined> {
    const [column, value] = typeof event === 'string' ? ['id', event] : ['position', event.toString()];
    const { rows } = await whole.query<FoundRow>(
      ctx,
      `select position::text as position, key, type, stream, version::text as version from fairlead_log where ${column} = $1`,
      [value],
    );
    return rows[0];
  }
}

/** How a projection's, or replica's, steps write. */
export function projectionWriting(
  {
    of,
    into,
    types,
    category,
    step,
    keysOf,
  }: Pick<Projection, 'of' | 'into' | 'types' | 'category' | 'step' | 'keysOf'>,
  view: string,
): Writing {
  const concerned = new Set(types);
  return {
    view,
    into,
    keysOf,
    decoded: (event) => decoded(of, event),
    concerns: ({ type, stream }) =>
      concerned.has(type) && (category === undefined || stream === category || stream.startsWith(`${category}-`)),
    fold: (document, event, key) => step(event.type)?.(document, event, key),
    write: async (tx, event, tables) => step(event.type)?.(tx, event, tables),
  };
}
