import type { Clock, Closeable, CloseOptions, Context, Random } from '@fairlead/core';
import { nearest } from '@fairlead/core';
import type { Broker } from '@fairlead/messaging';
import { acrossTenants, type Database, type Leases, type LoggedEvent, type Tx, type Wakeup } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import { fail } from '../errors.ts';
import { keptReplica } from '../replica/kept-replica.ts';
import type { Replica } from '../replica/replica.ts';
import { writeInline } from './inline.ts';
import { keptProjection } from './kept-projection.ts';
import { Keeper, type BuildStatus, type Kept } from './keeper.ts';
import type { Projection, Target } from './projection-types.ts';
import { STANDING_CHANNEL, VIEW_CHANNEL } from './standing-docs.ts';
import { viewDeadLetters, type ViewDeadLetters } from './view-dead-letters.ts';
import { KeptView, type View, type ViewOf } from './view.ts';

/** What views are kept with. */
export interface ViewsOptions {
  /** The service's own database. Not closed by the views. */
  readonly database: Database;
  readonly projections?: readonly Projection[];
  readonly replicas?: readonly Replica[];
  /** Where the events of replicas come from. Needed when there are any. Not closed by the views. */
  readonly broker?: Broker | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Divides the work among the processes of the service. Default: this is the only one. */
  readonly leases?: Leases | undefined;
  readonly telemetry: Telemetry;
  /** How far a build may be behind when it takes its place, in milliseconds. Default 1 000; 0: nothing may be missing. */
  readonly swapLagMs?: number;
  /** How long a build is kept that a rebuild has replaced, in milliseconds. Default 60 000: for those who have not heard. */
  readonly retiredMs?: number;
  /** How long a version is kept whose code nobody runs any more, in milliseconds. Default 86 400 000 (a day): for a way back. */
  readonly unusedMs?: number;
  /** How often there is a look at the log and the broker without a hint, in milliseconds. Default 1 000. */
  readonly pollMs?: number;
  /** Delay between attempts of an event that fails, in milliseconds, doubled each time. Default 500 to 300 000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** How often an event is tried before it is a dead letter. Default 10. */
  readonly maxAttempts?: number;
}

/** A view as people see it. */
export interface ViewStatus {
  readonly kind: 'projection' | 'replica';
  readonly name: string;
  /** Of the code of this process. */
  readonly version: number;
  /** The version that is read by those whose code is of it or a later one. */
  readonly active: number;
  /** The build that this process reads; `undefined` before there is one. */
  readonly reading: number | undefined;
  readonly builds: readonly BuildStatus[];
}

/** The views of a service. */
export interface Views extends Closeable, ViewDeadLetters {
  /**
   * Begins to keep them. They can be read from then on.
   * @throws MISCONFIGURED when a projection's tables are missing
   */
  start(): Promise<void>;
  /** How a projection or replica is read. @throws MISCONFIGURED when it is not one of these views; VIEW_NOT_STARTED at the first look */
  view<T extends Target>(definition: View<T>): ViewOf<T>;
  /** Writes what has just been appended to one stream, in this transaction, to the inline projections. Rejects as their steps do. */
  appended(tx: Tx, events: readonly LoggedEvent[]): Promise<void>;
  status(ctx: Context): Promise<readonly ViewStatus[]>;
  /**
   * Builds a view anew beside the one that is read, which it replaces when it has caught up.
   * @throws VIEW_UNKNOWN, VIEW_BUSY, VIEW_TRIMMED
   */
  rebuild(ctx: Context, name: string): Promise<{ readonly name: string; readonly build: number }>;
}

const DEFAULTS = {
  swapLagMs: 1_000,
  retiredMs: 60_000,
  unusedMs: 86_400_000,
  pollMs: 1_000,
};

/**
 * Keeps the views of a service in its own database: projections of its log, replicas of what others publish.
 * @throws MISCONFIGURED for names that come twice, and replicas without a broker
 */
export function openViews(options: ViewsOptions): Views {
  return new KeptViews({ ...DEFAULTS, ...options });
}

class KeptViews implements Views {
  readonly #options: ViewsOptions & typeof DEFAULTS;
  readonly #keepers: readonly Keeper[];
  readonly #byDefinition = new Map<object, Keeper>();
  readonly #inline: readonly Keeper[];
  readonly #bells = new Map<string, Set<Wakeup>>();
  readonly #deadLetters: ViewDeadLetters;
  #listening: Promise<readonly (Closeable | undefined)[]> = Promise.resolve([]);
  #closing: Promise<void> | undefined;

  constructor(options: ViewsOptions & typeof DEFAULTS) {
    this.#options = options;
    const { projections = [], replicas = [], broker } = options;
    checkNames(projections, replicas);
    const ground = { ...options, leases: options.leases, backoff: options.backoff, maxAttempts: options.maxAttempts };
    const fed = (view: string) => ({ ...ground, onWritten: () => this.#ringWaiting(view) });
    const keep = (definition: object, kept: Kept): Keeper => {
      const keeper = new Keeper(options, kept);
      this.#byDefinition.set(definition, keeper);
      return keeper;
    };
    const kept = projections.map((each) => keep(each, keptProjection(fed(`projection.${each.name}`), each, false)));
    const outgoing = projections.flatMap(({ before }) =>
      before === undefined ? [] : [keep(before, keptProjection(fed(`projection.${before.name}`), before, true))],
    );
    const copies = replicas.map((each) => {
      if (broker !== undefined)
        return keep(each, keptReplica({ ...fed(`replica.${each.name}`), broker, telemetry: options.telemetry }, each));
      throw fail('MISCONFIGURED', `replica("${each.name}"): its events come through a broker, and none was given.`);
    });
    this.#keepers = [...kept, ...outgoing, ...copies];
    this.#inline = [...projections, ...projections.flatMap(({ before }) => before ?? [])]
      .filter(({ mode }) => mode === 'inline')
      .flatMap((each) => this.#byDefinition.get(each) ?? []);
    this.#deadLetters = viewDeadLetters(acrossTenants(options.database), () => this.#keepers);
  }

  async start(): Promise<void> {
    const { database } = this.#options;
    await Promise.all(this.#keepers.map((keeper) => keeper.start()));
    // Hints only: keepers and waiting readers look now and then by themselves.
    this.#listening = Promise.all([
      database.listen(VIEW_CHANNEL, (view) => this.#ringWaiting(view)).catch(() => undefined),
      database.listen(STANDING_CHANNEL, (view) => this.#ringKeepers(view)).catch(() => undefined),
    ]);
  }

  view<T extends Target>(definition: View<T>): ViewOf<T> {
    const keeper = this.#byDefinition.get(definition);
    if (keeper === undefined)
      throw fail(
        'MISCONFIGURED',
        `"${definition.name}" is not among the projections and replicas of this service. Add it to its definition.`,
      );
    const { database, clock } = this.#options;
    const view = new KeptView({ database, clock, watch: (name, bell) => this.#watch(name, bell) }, keeper);
    // KeptView is both kinds; the target says which it is asked as.
    return view as unknown as ViewOf<T>;
  }

  async appended(tx: Tx, events: readonly LoggedEvent[]): Promise<void> {
    for (const keeper of this.#inline)
      for (const build of keeper.written) await writeInline(tx, keeper.kept.writing, build, events);
  }

  async status(ctx: Context): Promise<readonly ViewStatus[]> {
    const shown = this.#keepers.filter(({ kept }) => !kept.outgoing);
    return Promise.all(
      shown.map(async (keeper) => {
        const { kind, name, version } = keeper.kept;
        const { active, builds } = await keeper.status(ctx);
        return { kind, name, version, active, reading: keeper.reading, builds };
      }),
    );
  }

  async rebuild(ctx: Context, name: string): Promise<{ readonly name: string; readonly build: number }> {
    const known = this.#keepers.filter(({ kept }) => !kept.outgoing);
    const keeper = known.find(({ kept }) => kept.name === name);
    if (keeper === undefined) {
      const names = known.map(({ kept }) => kept.name);
      const near = nearest(name, names);
      const hint = near === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${near}"?`;
      throw fail('VIEW_UNKNOWN', `There is no view "${name.slice(0, 64)}". ${hint}`);
    }
    const { number } = await keeper.rebuild(ctx);
    return { name, build: number };
  }

  readonly deadLetters: ViewDeadLetters['deadLetters'] = (ctx, limit) => this.#deadLetters.deadLetters(ctx, limit);

  readonly deadLetter: ViewDeadLetters['deadLetter'] = (ctx, id) => this.#deadLetters.deadLetter(ctx, id);

  readonly redriveLetter: ViewDeadLetters['redriveLetter'] = (ctx, id) => this.#deadLetters.redriveLetter(ctx, id);

  readonly discardLetter: ViewDeadLetters['discardLetter'] = (ctx, id) => this.#deadLetters.discardLetter(ctx, id);

  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.close(options)));
    for (const each of await this.#listening) {
      try {
        await each?.close();
      } catch {
        // The connection is gone, and the hint with it.
      }
    }
  }

  #watch(view: string, bell: Wakeup): () => void {
    const bells = this.#bells.get(view) ?? new Set();
    this.#bells.set(view, bells.add(bell));
    return () => bells.delete(bell);
  }

  /** An empty name says that the connection is new: something may have been missed. */
  #ringWaiting(view: string): void {
    const rung = view === '' ? [...this.#bells.values()].flatMap((bells) => [...bells]) : (this.#bells.get(view) ?? []);
    for (const bell of rung) bell.ring();
  }

  #ringKeepers(view: string): void {
    for (const keeper of this.#keepers) if (view === '' || keeper.kept.writing.view === view) keeper.ring();
  }
}

function checkNames(projections: readonly Projection[], replicas: readonly Replica[]): void {
  const names = [...projections, ...replicas].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw fail('MISCONFIGURED', `Two projections or replicas of a service are called "${twice}". Rename one.`);
}
