import { backoff, isError, type Context } from '@fairlead/core';
import type { Database, DocSource, Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import { attempt, type Attempt, type Doubt } from './attempt.ts';
import type { Decider, DomainEvent } from './decider-types.ts';
import type { ExpectedStream, HandleOptions, Handled, StreamConflict } from './handle-types.ts';
import { keepSnapshot } from './snapshot.ts';

const WAITS = { baseMs: 5, maxMs: 250 };
const DEFAULT_RETRIES = 3;
/** Once lost, the stream is held: more is for isolation levels where that shows nothing newer. */
const HELD_ATTEMPTS = 3;
/** How many answers of one command may be lost. */
const MAX_DOUBTS = 3;

/**
 * Runs a command: loads the stream's state (snapshot and what came after, one statement), decides, and appends what has happened at
 * exactly the version that was decided on (another one). `decide` runs again when somebody else was faster.
 *
 * In a transaction (`handle(tx, …)`) events commit with it; from its append on nobody else can append to the stream until then, so
 * commands on several streams in one transaction should take them in one order. With `{ ctx, database }` the append commits
 * by itself; when the answer to it is lost (COMMIT_UNKNOWN), the command is tried again, and finds out: two appends can't follow one
 * version, so it happens once.
 *
 * Rejections and, with `expect`, conflicts are values. `expect` is compared with what was loaded.
 * @throws STREAM_INVALID for an id that names no stream; DECISION_INVALID, EVOLVE_FAILED before anything is written, and whatever
 *   `decide` throws
 * @throws EVENT_TYPE_UNKNOWN, EVENT_TOO_NEW, UPCASTER_FAILED, STREAM_TRIMMED, STREAM_SEALED when the stream can't be read
 * @throws INVALID_EVENT when an event that `contract` has does not fit it; MISCONFIGURED; EVENT_TOO_LARGE
 * @throws COMMIT_UNKNOWN when it can't be found out, the database being away or the Context at its end
 * @throws STREAM_CONFLICT above `read committed`, when the transaction can't see what it would have to
 */
export function handle<Command, Event extends DomainEvent, State, Reason>(
  from: DocSource,
  decider: Decider<Command, Event, State, Reason>,
  id: string,
  command: Command,
  options?: HandleOptions & { readonly expect?: undefined },
): Promise<Handled<State, Reason>>;
export function handle<Command, Event extends DomainEvent, State, Reason>(
  from: DocSource,
  decider: Decider<Command, Event, State, Reason>,
  id: string,
  command: Command,
  options: HandleOptions & { readonly expect?: ExpectedStream | undefined },
): Promise<Handled<State, Reason> | StreamConflict>;
export async function handle<Command, Event extends DomainEvent, State, Reason>(
  from: DocSource,
  decider: Decider<Command, Event, State, Reason>,
  id: string,
  command: Command,
  options: HandleOptions = {},
): Promise<Handled<State, Reason> | StreamConflict> {
  const { telemetry } = options;
  const once: Once<State, Reason> = (tx, doubts, onAppend) =>
    attempt(tx, decider, { id, command, doubts, onAppend }, options);
  const what = { name: decider.name, id };
  const result =
    'database' in from ? await alone(from, once, options, what) : await held(from, once, what, [], () => {});
  telemetry?.metrics?.counter(COMMANDS).inc({ decider: decider.name, outcome: result.kind });
  if (result.kind !== 'decided') return result as StreamConflict;
  const { snapshot, ...handled } = result;
  if (snapshot !== undefined) await keepSnapshot(from, decider, snapshot, telemetry);
  return handled;
}

/** Which decider, and which of its streams. */
interface What {
  readonly name: string;
  readonly id: string;
}

type Settled<State, Reason> = Exclude<Attempt<State, Reason>, { readonly kind: 'lost' }>;
type Once<State, Reason> = (
  tx: Tx,
  doubts: readonly Doubt<State>[],
  onAppend: (append: Doubt<State>) => void,
) => Promise<Attempt<State, Reason>>;

/** Attempts that commit by themselves, then one that nobody can be faster than; again when the answer to one was lost. */
async function alone<State, Reason>(
  { ctx, database }: { readonly ctx: Context; readonly database: Database },
  once: Once<State, Reason>,
  { retries = DEFAULT_RETRIES, telemetry }: HandleOptions,
  what: What,
): Promise<Settled<State, Reason>> {
  const waits = backoff({ ...WAITS, random: ctx.random });
  const doubts: Doubt<State>[] = [];
  let unknown: unknown;
  for (let tried = 1; ; tried += 1) {
    let appending: Doubt<State> | undefined;
    const onAppend = (append: Doubt<State>): void => void (appending = append);
    try {
      const result =
        tried <= retries + 1
          ? await database.tx(ctx, (tx) => once(tx, doubts, onAppend), { autocommit: true })
          : await database.tx(ctx, (tx) => held(tx, once, what, doubts, onAppend));
      if (result.kind !== 'lost') return result;
      telemetry?.metrics?.counter(LOST).inc({ decider: what.name });
    } catch (error) {
      // Whatever kept the answer from being found again, the question is still the first one.
      if (!isError(error, 'COMMIT_UNKNOWN') || appending === undefined || doubts.length === MAX_DOUBTS)
        throw unknown ?? error;
      doubts.push(appending);
      unknown ??= error;
    }
    await ctx.clock.sleep(waits.delayFor(tried), ctx.signal).catch((error: unknown) => {
      throw unknown ?? error;
    });
  }
}

async function held<State, Reason>(
  tx: Tx,
  once: Once<State, Reason>,
  what: What,
  doubts: readonly Doubt<State>[],
  onAppend: (append: Doubt<State>) => void,
): Promise<Settled<State, Reason>> {
  for (let tried = 0; tried < HELD_ATTEMPTS; tried += 1) {
    const result = await once(tx, doubts, onAppend);
    if (result.kind !== 'lost') return result;
  }
  throw fail(
    'STREAM_CONFLICT',
    `${what.name} ${what.id}: the stream was changed by somebody else each time that the command was tried. Run the transaction again.`,
  );
}

const COMMANDS = {
  name: 'fairlead_decider_commands_total',
  help: 'Commands that deciders were given, by what came of them: decided, rejected or conflict.',
  labelNames: ['decider', 'outcome'],
};
const LOST = {
  name: 'fairlead_decider_attempts_lost_total',
  help: 'Attempts at a command that found its stream changed by somebody else and were made again.',
  labelNames: ['decider'],
};
