import type { Context } from '@fairlead/core';
import type { Sagas, Views } from '@fairlead/events';
import {
  deadLetters,
  discard,
  redrive,
  waitingEvents,
  type DeadLetter,
  type DeadLetterQuery,
  type PublishedEvent,
} from '@fairlead/messaging';
import { logReader, type Database } from '@fairlead/store';
import { jobUpkeep, type JobUpkeep } from './job-upkeep.ts';
import { sagaUpkeep, type SagaUpkeep } from './saga-upkeep.ts';
import { letterOf, ownEvents, viewUpkeep, type ViewUpkeep } from './view-upkeep.ts';

/** Where to read a service's log from. */
export type LogPlace = { readonly after: bigint } | { readonly sinceMs: number };

/** A piece of a service's log. */
export interface EventPage {
  readonly events: readonly PublishedEvent[];
  /** Where the next piece begins: after this position. */
  readonly position: bigint;
}

/** A dead letter and what it holds up. */
export interface DeadLetterCase {
  readonly letter: DeadLetter;
  /** The first 20 of the events that wait behind it. */
  readonly waiting: readonly PublishedEvent[];
}

/** What people who run a service ask of it, besides its contract. */
export interface Upkeep extends JobUpkeep, ViewUpkeep, SagaUpkeep {
  /** Messages that were given up, of all its consumers and projections, oldest failure first; 100 unless the query says otherwise. */
  deadLetters(ctx: Context, query?: DeadLetterQuery): Promise<readonly DeadLetter[]>;
  /** One of them; `undefined` when there is none with this id. */
  deadLetter(ctx: Context, id: string): Promise<DeadLetterCase | undefined>;
  /** Makes a dead letter due again, with all its attempts. False when there is none with this id. */
  redrive(ctx: Context, id: string): Promise<boolean>;
  /** Drops a dead letter for good; the next event of its key is due at once. False when there is none with this id. */
  discard(ctx: Context, id: string): Promise<boolean>;
  /**
   * The service's own events, in the order of its log, private ones left out: after a position, or those appended at or after a time. At most
   * `limit` of them and about 2 MiB of data, but one at least; those of writers that have not committed yet come later.
   */
  published(ctx: Context, place: LogPlace, limit: number): Promise<EventPage>;
}

const MAX_PAGE_BYTES = 2 * 1024 * 1024;
/** How many pages of nothing but private events are read in one call. */
const MAX_PAGES = 20;

/** Who keeps what: `undefined` where the service consumes, publishes or queues nothing. */
export function upkeep({
  source,
  consuming,
  publishing,
  queueing,
  views,
  sagas,
}: {
  readonly source: string;
  readonly consuming: Database | undefined;
  readonly publishing: Database | undefined;
  readonly queueing: Database | undefined;
  readonly views: Views | undefined;
  /** Where sagas are, and what runs them. */
  readonly sagas: { readonly database: Database; readonly running: () => Sagas } | undefined;
}): Upkeep {
  return {
    ...jobUpkeep(queueing),
    ...viewUpkeep(views),
    ...sagaUpkeep(sagas?.database, () => sagas?.running()),
    async deadLetters(ctx, query) {
      const received = consuming === undefined ? [] : await deadLetters(ctx, consuming, query);
      const { limit = 100, consumer, id } = query ?? {};
      const own = ((await views?.deadLetters(ctx, limit)) ?? []).map((letter) => letterOf(source, letter));
      const asked = own.filter((each) => each.consumer === (consumer ?? each.consumer) && each.id === (id ?? each.id));
      return [...received, ...asked].toSorted((a, b) => a.firstFailedAt - b.firstFailedAt).slice(0, limit);
    },
    async deadLetter(ctx, id) {
      const own = await views?.deadLetter(ctx, id);
      if (own !== undefined) return { letter: letterOf(source, own.letter), waiting: ownEvents(source, own.waiting) };
      if (consuming === undefined) return undefined;
      const [letter] = await deadLetters(ctx, consuming, { id });
      return letter && { letter, waiting: await waitingEvents(ctx, consuming, id) };
    },
    async redrive(ctx, id) {
      if ((await views?.redriveLetter(ctx, id)) === true) return true;
      return consuming !== undefined && redrive(ctx, consuming, id);
    },
    async discard(ctx, id) {
      if ((await views?.discardLetter(ctx, id)) === true) return true;
      return consuming !== undefined && discard(ctx, consuming, id);
    },
    async published(ctx, place, limit) {
      if (publishing === undefined) return { events: [], position: 'after' in place ? place.after : 0n };
      const after = 'after' in place ? place.after : await positionBefore(ctx, publishing, place.sinceMs);
      const reader = logReader(publishing, { gapWaitMs: 0 });
      let bytes = 0;
      let position = after;
      const events: PublishedEvent[] = [];
      for (let page = 0; page < MAX_PAGES && events.length === 0; page += 1) {
        const found = await reader.read(ctx, { after: position, limit });
        for (const event of found) {
          bytes += event.private === true ? 0 : JSON.stringify(event.data).length;
          if (events.length > 0 && bytes > MAX_PAGE_BYTES) break;
          position = event.position;
          if (event.private !== true) events.push({ ...event, source });
        }
        if (found.length < limit) break;
      }
      return { events, position };
    },
  };
}

/** The position of the last event that is older than a time; 0 when all are younger. */
async function positionBefore(ctx: Context, database: Database, sinceMs: number): Promise<bigint> {
  // Backwards in the order of positions, so that it looks at no more than what is younger.
  const { rows } = await database.query<{ position: string }>(
    ctx,
    `SELECT position::text AS position FROM fairlead_log WHERE time < to_timestamp($1::text::numeric / 1000)
     ORDER BY position DESC LIMIT 1`,
    [String(Math.floor(sinceMs))],
  );
  return BigInt(rows[0]?.position ?? 0);
}
