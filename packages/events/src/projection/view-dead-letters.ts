import type { Context } from '@fairlead/core';
import { deadEvents, discardEvent, redriveEvent, type Database, type DeadEvent } from '@fairlead/store';
import { buildName } from './build.ts';
import type { Keeper } from './keeper.ts';

/** An event that a build gave up. */
export interface ViewDeadLetter extends DeadEvent {
  /** For `redriveLetter` and `discardLetter`: the build and the position. */
  readonly handle: string;
  /** The build, such as `projection.order@2.1`. */
  readonly build: string;
}

/** What projections gave up. What replicas did is with the service's consumers. */
export interface ViewDeadLetters {
  /** At most `limit` of each build. */
  deadLetters(ctx: Context, limit: number): Promise<readonly ViewDeadLetter[]>;
  /** Tries it again, with all its attempts before it. False when there is none of this handle. */
  redriveLetter(ctx: Context, handle: string): Promise<boolean>;
  /** Drops it for good; the later events of its key go on. False when there is none of this handle. */
  discardLetter(ctx: Context, handle: string): Promise<boolean>;
}

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

  return {
    async deadLetters(ctx, limit) {
      const found = builds().map(async (build) =>
        (await deadEvents(ctx, database, build, { limit })).map((event) => ({
          ...event,
          build,
          handle: `${build}:${event.position}`,
        })),
      );
      return (await Promise.all(found)).flat();
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
