import { readStream, type DocSource, type LoggedEvent, type PayloadSeal } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { Decider, DomainEvent } from './decider-types.ts';
import { streamOf } from './decider-stream.ts';
import { fold } from './fold.ts';
import { assertOpen, load } from './load.ts';

/** A state and when it was. */
export interface StateOf<State> {
  readonly state: State;
  /** Version of the last event in it; 0 before the first. */
  readonly version: number;
  /** Position of the last event in it; 0n before the first. */
  readonly position: bigint;
}

/** A point in a stream's past: after its event of this version, up to this position of the log, or at this time. */
export type StreamMoment =
  | { readonly version: number }
  | { readonly position: bigint }
  /** Milliseconds since the epoch, by `fairlead.now()` when the events were appended. */
  | { readonly timeMs: number };

/** How a stream is read. */
export interface StreamReadOptions {
  /** Opens sealed events. Default: a stream that has any can't be folded; a history has them without data. */
  readonly seal?: PayloadSeal | undefined;
}

/** Which part of a history is read. */
export interface HistoryOptions extends StreamReadOptions {
  /** After this version: the last of the page before. Default 0. */
  readonly after?: number;
  /** How many at most. Default 100. */
  readonly limit?: number;
}

const PAGE = 500;

/**
 * The present state of a stream.
 * @throws what `handle` throws when a stream can't be read
 */
export async function stateOf<Command, Event extends DomainEvent, State, Reason>(
  from: DocSource,
  decider: Decider<Command, Event, State, Reason>,
  id: string,
  { seal }: StreamReadOptions = {},
): Promise<StateOf<State>> {
  const { state, version, position } = await load(from, decider, id, seal);
  return { state, version, position };
}

/**
 * The state that a stream had: by today's code, from its first event. What is beyond its end is the present; before its first
 * event it is the initial state.
 * @throws what `handle` throws when a stream can't be read
 */
export async function stateAt<Command, Event extends DomainEvent, State, Reason>(
  from: DocSource,
  decider: Decider<Command, Event, State, Reason>,
  id: string,
  moment: StreamMoment,
  { seal }: StreamReadOptions = {},
): Promise<StateOf<State>> {
  const stream = streamOf(decider, from.ctx, id);
  let at: StateOf<State> = { state: decider.initial(id), version: 0, position: 0n };
  for (;;) {
    const query = { after: at.version, limit: PAGE, seal };
    const page = await readStream(from, stream, { ...query, ...('timeMs' in moment ? {} : bounds(moment)) });
    const first = page[0]?.version ?? at.version + 1;
    if (first !== at.version + 1)
      throw fail(
        'STREAM_TRIMMED',
        `${stream}: events ${at.version + 1} to ${first - 1} were trimmed from the log, so what its state was can't be told. Restore them from the archive.`,
        { details: { stream, after: at.version, first } },
      );
    const late = 'timeMs' in moment ? page.findIndex(({ time }) => time > moment.timeMs) : -1;
    const events = late === -1 ? page : page.slice(0, late);
    for (const event of events) assertOpen(stream, event);
    const last = events.at(-1);
    if (last !== undefined)
      at = { state: fold(decider, stream, at.state, events), version: last.version, position: last.position };
    if (late !== -1 || page.length < PAGE) return at;
  }
}

/**
 * How a stream's state came about: its events as they were recorded, oldest first. Each says when (`time`), on whose behalf
 * (`subject`, `tenant`), why (`causationId`: the event or request that led to it) and from which conversation (`correlationId`,
 * `traceparent`).
 */
export async function history(
  from: DocSource,
  decider: { readonly name: string; readonly tenancy: 'context' | 'none' },
  id: string,
  { after = 0, limit = 100, seal }: HistoryOptions = {},
): Promise<readonly LoggedEvent[]> {
  return readStream(from, streamOf(decider, from.ctx, id), { after, limit, seal });
}

function bounds(moment: { readonly version: number } | { readonly position: bigint }) {
  return 'version' in moment ? { through: moment.version } : { position: moment.position };
}
