import type { Context } from '@fairlead/core';
import {
  deadEvents,
  discardEvent,
  logReader,
  redriveEvent,
  type Database,
  type DeadEvent,
  type LoggedEvent,
} from '@fairlead/store';
import { buildName } from './build.ts';
import type { Keeper } from './keeper.ts';

/** An event that a build of a projection gave up. */
export interface ViewDeadLetter extends DeadEvent {
  /** For `redriveLetter` and `discardLetter`: the build and the position. */
  readonly handle: string;
  /** The build, such as `projection.order@2.1`. */
  readonly build: string;
  /** As the log has it; `undefined` when it was trimmed. */
  readonly event: LoggedEvent | undefined;
}

/** What projections gave up. What replicas did is with the service's consumers. */
export interface ViewDeadLetters {
  /** At most `limit` of each build. */
  deadLetters(ctx: Context, limit: number): Promise<readonly ViewDeadLetter[]>;
  /** One of them, and the first 20 that wait behind it; `undefined` when there is none of this handle. */
  deadLetter(
    ctx: Context,
    handle: string,
  ): Promise<{ readonly letter: ViewDeadLetter; readonly waiting: readonly LoggedEvent[] } | undefined>;
  /** Tries it again, with all its attempts before it. False when there is none of this handle. */
  redriveLetter(ctx: Context, handle: string): Promise<boolean>;
  /** Drops it for good; the later events of its key go on. False when there is none of this handle. */
  discardLetter(ctx: Context, handle: string): Promise<boolean>;
}

const WAITING = `select position::text as position from fairlead_parked_event
  where subscription = $1 and key = $2 and position > $3::bigint order by position limit 20`;

/** The dead letters of the builds that this process knows of. */
export function viewDeadLetters(database: Database, keepers: () => readonly Keeper[]): ViewDeadLetters {
  const builds = (): readonly string[] =>
    keepers().flatMap(({ kept, standing }) =>
      kept.kind === 'projection' && !kept.outgoing
        ? (standing?.builds ?? []).map((build) => buildName(kept.writing.view, build))
        : [],
    );

  /** A handle taken apart; `undefined` when it names no build that there is. */
  function parse(handle: string): { readonly build: string; readonly position: bigint } | undefined {
    const [build = '', position = ''] = handle.split(':');
    return /^\d{1,18}$/.test(position) && builds().includes(build) ? { build, position: BigInt(position) } : undefined;
  }

  async function eventAt(ctx: Context, position: bigint): Promise<LoggedEvent | undefined> {
    const reader = logReader(database, { gapWaitMs: 0, trimmed: 'skip' });
    const [event] = await reader.read(ctx, { after: position - 1n, limit: 1 });
    return event?.position === position ? event : undefined;
  }

  async function lettersOf(
    ctx: Context,
    build: string,
    options: { readonly after?: bigint; readonly limit: number },
  ): Promise<readonly ViewDeadLetter[]> {
    const found = await deadEvents(ctx, database, build, options);
    return Promise.all(
      found.map(async (each) => ({
        ...each,
        build,
        handle: `${build}:${each.position}`,
        event: await eventAt(ctx, each.position),
      })),
    );
  }

  return {
    async deadLetters(ctx, limit) {
      return (await Promise.all(builds().map((build) => lettersOf(ctx, build, { limit })))).flat();
    },
    async deadLetter(ctx, handle) {
      const place = parse(handle);
      if (place === undefined) return undefined;
      const { build, position } = place;
      const [letter] = await lettersOf(ctx, build, { after: position - 1n, limit: 1 });
      if (letter?.position !== position) return undefined;
      const { rows } = await database.query<{ position: string }>(ctx, WAITING, [
        build,
        letter.key,
        position.toString(),
      ]);
      const waiting = await Promise.all(rows.map((row) => eventAt(ctx, BigInt(row.position))));
      return { letter, waiting: waiting.filter((each) => each !== undefined) };
    },
    async redriveLetter(ctx, handle) {
      const place = parse(handle);
      return place !== undefined && redriveEvent(ctx, database, place.build, place.position);
    },
    async discardLetter(ctx, handle) {
      const place = parse(handle);
      return place !== undefined && discardEvent(ctx, database, place.build, place.position);
    },
  };
}
