import type { Clock, Context } from '@fairlead/core';
import { docs, Wakeup, type Database, type Docs, type DocSource, type Tx } from '@fairlead/store';
import { documentsOf } from './build.ts';
import type { Progress } from './feed.ts';
import type { Keeper } from './keeper.ts';
import type { DocumentsTarget, TableNames, TablesTarget, Target } from './projection-types.ts';
import { bodyOf } from './write-events.ts';

/** What came of waiting for an event. */
export type Reached =
  /** What it changes can be read. */
  | { readonly kind: 'reached' }
  /** Not within the time; by how much the view is behind, where that is known. */
  | { readonly kind: 'behind'; readonly lagMs: number | undefined }
  /** It failed, or one of its key before it: `dead` waits for people, otherwise it is tried again. */
  | { readonly kind: 'parked'; readonly dead: boolean }
  /** There is no such event, or no more. */
  | { readonly kind: 'unknown' };

/** How long `reached` waits. */
export interface ReachedOptions {
  /** In milliseconds. Default 1 000; 0 looks once. */
  readonly timeoutMs?: number;
}

/** What every view can be asked. */
export interface AnyView {
  /**
   * Waits until the view has what an event changes: by the id that `tx.publish` gave, or by its position in the log (of a
   * replica: in its owner's log, which is the only way there). Read your writes with it.
   */
  reached(ctx: Context, event: bigint | string, options?: ReachedOptions): Promise<Reached>;
  /** How the build that is read is getting on; `undefined` when another process writes it. */
  progress(ctx: Context): Promise<Progress | undefined>;
}

/** A document and its key. */
export interface KeptDocument<D> {
  readonly key: string;
  readonly document: D;
}

/** Documents as they are read: by the Context's tenant, on their own or in a transaction. There is no way to write them. */
export interface DocumentView<D> extends AnyView {
  get(from: Context | Tx, key: string): Promise<D | undefined>;
  /** Those of the keys that are there. */
  getMany(from: Context | Tx, keys: readonly string[]): Promise<ReadonlyMap<string, D>>;
  /** By key, those that begin with `prefix`; `next` is the `after` of the next page. At most `limit`, 100 by default, 1 000 at most. */
  list(
    from: Context | Tx,
    options?: { readonly prefix?: string; readonly after?: string; readonly limit?: number },
  ): Promise<{ readonly items: readonly KeptDocument<D>[]; readonly next: string | undefined }>;
}

/** Tables as they are read. */
export interface TableView<Table extends string> extends AnyView {
  /** The tables to read now, for a statement that begins now: ask each time. */
  readonly tables: TableNames<Table>;
}

/** What is read: a projection or a replica. */
export interface View<T extends Target> {
  readonly name: string;
  readonly into: T;
}

/** How a view of a target is read. */
export type ViewOf<T extends Target> =
  T extends DocumentsTarget<infer D> ? DocumentView<D> : T extends TablesTarget<infer Table> ? TableView<Table> : never;

/** What views stand on. */
export interface ViewGround {
  readonly database: Database;
  readonly clock: Clock;
  /** Has a bell rung when something of a view may have been committed; answers how to leave. */
  readonly watch: (view: string, bell: Wakeup) => () => void;
}

const DEFAULT_TIMEOUT_MS = 1_000;
/** How long a wait may miss the hint. */
const LOOK_EVERY_MS = 50;

/** Both kinds in one: which of them, its target says. */
export class KeptView implements DocumentView<unknown>, TableView<string> {
  readonly #ground: ViewGround;
  readonly #keeper: Keeper;

  constructor(ground: ViewGround, keeper: Keeper) {
    this.#ground = ground;
    this.#keeper = keeper;
  }

  get tables(): Readonly<Record<string, string>> {
    return this.#keeper.read.tables;
  }

  async get(from: Context | Tx, key: string): Promise<unknown> {
    return bodyOf(await this.#docs().get(this.#source(from), key));
  }

  async getMany(from: Context | Tx, keys: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const found = await this.#docs().getMany(this.#source(from), keys);
    return new Map([...found].map(([key, doc]) => [key, bodyOf(doc)]));
  }

  async list(
    from: Context | Tx,
    options?: { readonly prefix?: string; readonly after?: string; readonly limit?: number },
  ) {
    const page = await this.#docs().list(this.#source(from), options);
    return { items: page.docs.map((doc) => ({ key: doc.key, document: bodyOf(doc) })), next: page.next };
  }

  progress(ctx: Context): Promise<Progress | undefined> {
    return this.#keeper.progress(ctx);
  }

  async reached(
    ctx: Context,
    event: bigint | string,
    { timeoutMs = DEFAULT_TIMEOUT_MS }: ReachedOptions = {},
  ): Promise<Reached> {
    const { clock, watch } = this.#ground;
    const { kept } = this.#keeper;
    const until = clock.monotonic() + timeoutMs;
    const bell = new Wakeup();
    const leave = watch(kept.writing.view, bell);
    const stop = ctx.onEnd(() => bell.ring());
    try {
      for (;;) {
        ctx.signal.throwIfAborted();
        const outcome = await kept.outcome(ctx, this.#keeper.read, event);
        if (outcome === 'handled') return { kind: 'reached' };
        if (outcome === 'unknown') return { kind: 'unknown' };
        if (outcome !== 'waiting') return { kind: 'parked', dead: outcome === 'dead' };
        const leftMs = until - clock.monotonic();
        if (leftMs <= 0) return { kind: 'behind', lagMs: (await this.progress(ctx))?.lagMs };
        await bell.sleep(clock, Math.min(leftMs, LOOK_EVERY_MS));
      }
    } finally {
      leave();
      stop();
    }
  }

  #docs(): Docs {
    const { writing } = this.#keeper.kept;
    const tenancy = writing.into.kind === 'documents' ? writing.into.tenancy : 'context';
    return docs(documentsOf(writing.view, this.#keeper.read), { tenancy });
  }

  #source(from: Context | Tx): DocSource {
    return 'query' in from ? from : { ctx: from, database: this.#ground.database };
  }
}
