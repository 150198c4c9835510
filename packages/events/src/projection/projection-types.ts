import type { Contract, EventName, ReceivedData } from '@fairlead/contract';
import type { LoggedEvent, Tx } from '@fairlead/store';

/** An event as a projection meets it: as the log keeps it, with its data read by the contract. */
export interface ProjectedEvent<C extends Contract, Type extends EventName<C>> extends Omit<
  LoggedEvent,
  'type' | 'data'
> {
  readonly type: Type;
  readonly data: ReceivedData<C, Type>;
}

/** Any event of a contract, told apart by `type`. */
export type AnyEventOf<C extends Contract> = {
  [Type in EventName<C>]: ProjectedEvent<C, Type>;
}[EventName<C>];

/** A view that is documents; see `documents`. */
export interface DocumentsTarget<D> {
  readonly kind: 'documents';
  readonly tenancy: 'context' | 'none';
  /** Only says what a document is; nobody sets it. */
  readonly document?: D;
}

/** A view that is SQL tables; see `tables`. */
export interface TablesTarget<Table extends string> {
  readonly kind: 'tables';
  readonly tables: readonly Table[];
}

/** What a view is made of. */
export type Target = DocumentsTarget<unknown> | TablesTarget<string>;

/** What became of a document by an event: the next one, or `undefined` when there is none any more. Depends on nothing else. */
export type Fold<D, Event> = { fold(document: D | undefined, event: Event, key: string): D | undefined }['fold'];

/**
 * Writes an event into tables, in the transaction that says it has been handled. `tables` are their names in the build that is
 * being written: `tables.order_day` may be `order_day_v2a`. `tx.ctx` has the event's tenant, trace and correlation.
 */
export type TableHandler<Table extends string, Event> = {
  handle(tx: Tx, event: Event, tables: TableNames<Table>): Promise<unknown>;
}['handle'];

/** Tables of a view by the names that its code has for them. */
export type TableNames<Table extends string> = { readonly [Name in Table]: string };

/** What is done with one type of events. */
export type EventStep<T extends Target, Event> =
  T extends DocumentsTarget<infer D>
    ? Fold<D, Event>
    : T extends TablesTarget<infer Table>
      ? TableHandler<Table, Event>
      : never;

/** When events are handled. */
export type ProjectionMode = 'async' | 'inline';

/** How `projection` is defined. */
export interface ProjectionDefinition<C extends Contract, T extends Target> {
  /** Lower-case words with dashes. A view of another name is another view. */
  readonly name: string;
  /**
   * Whole, from 1. Raise it when what is in the view changes: the new version is built from the log's beginning beside the one
   * that is read, and takes its place when it has caught up.
   */
  readonly version: number;
  /** The contract whose events it reads, usually the service's own. */
  readonly of: C;
  readonly into: T;
  /** By event type; others are passed over. */
  readonly on: { readonly [Type in EventName<C>]?: EventStep<T, ProjectedEvent<C, Type>> };
  /** Of documents only: which of them an event is for. Several: each in turn; none: it is passed over. Default: the event's key. */
  readonly key?: { of(event: AnyEventOf<C>): string | readonly string[] | undefined }['of'];
  /** Only events of streams whose name up to the first `-` is this. Default: of all streams. */
  readonly category?: string;
  /**
   * `async`, the default: after the commit, by a subscription. `inline`: in the transaction that appends, so that whoever reads
   * after it sees it; what fails there fails the commit.
   */
  readonly mode?: ProjectionMode;
  /** In how many parts events are handled at the same time, by their keys; the next build has as many. Default 1; from 1 to 64. */
  readonly shards?: number;
  /**
   * What to do when the log's beginning was trimmed: `refuse`, the default, builds nothing and says so; `skip` makes of
   * what is kept a view that lacks what was before.
   */
  readonly trimmed?: 'refuse' | 'skip';
  /** The version before, while it is still read: it is kept up to date until this one takes its place. Default: whoever runs its code does. */
  readonly before?: Projection<C, Target>;
}

/** A projection; made by `projection`. */
export interface Projection<C extends Contract = Contract, T extends Target = Target> {
  readonly name: string;
  readonly version: number;
  readonly of: C;
  readonly into: T;
  readonly mode: ProjectionMode;
  readonly shards: number;
  readonly category: string | undefined;
  readonly trimmed: 'refuse' | 'skip';
  readonly before: Projection | undefined;
  /** The types of events that it handles. */
  readonly types: readonly string[];
  /** The keys of the documents that an event is for; of tables the event's key. */
  keysOf(event: LoggedEvent): readonly string[];
  /** What is done with events of a type. */
  step(type: string): AnyStep | undefined;
}

/** A step as the package's own code calls it; which of the two it is, the target says. */
export type AnyStep = Fold<unknown, LoggedEvent> & TableHandler<string, LoggedEvent>;
