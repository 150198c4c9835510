/** Something that has happened, as a decider says it. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  /** CloudEvents `type`, such as `payment.captured`. */
  readonly type: Type;
  /** JSON value. */
  readonly data: Data;
}

/** A decision that nothing happens, and why. */
export interface Rejection<Reason> {
  readonly kind: 'rejected';
  readonly reason: Reason;
}

/** What `decide` answers: what has happened, nothing (`[]`), or why not. */
export type Decision<Event extends DomainEvent, Reason> = Event | readonly Event[] | Rejection<Reason>;

/** Lifts the data of an event by one schema version. Pure: the same for the same data, and nothing else. */
export type Upcaster = { lift(data: unknown): unknown }['lift'];

/** When a state is kept, so that a stream need not be read from its first event. */
export interface SnapshotOptions {
  /** After how many events since the last one. Default 100; at least 1. */
  readonly every?: number;
  /** After how many bytes of event data since the last one, if that is sooner. Default 262 144 (256 KiB); at least 1. */
  readonly bytes?: number;
  /**
   * Version of the state's shape. A snapshot of another version is ignored. The code of `initial`, `evolve` and `upcast` counts too;
   * raise it when they change by what they call. Default 1.
   */
  readonly version?: number;
}

/** How a state changes by each type of event. Pure: the same for the same state and data; neither is changed in place. */
export type Evolve<Event extends DomainEvent, State> = {
  readonly [Type in Event['type']]: {
    evolve(state: State, data: Extract<Event, { readonly type: Type }>['data']): State;
  }['evolve'];
};

/** What `decider` takes. */
export interface DeciderOptions<Command, Event extends DomainEvent, State, Reason> {
  /** What its streams are of, such as `payment`; without `-` and `/`. The category of event filters. */
  readonly name: string;
  /** The state before the first event; `id` is the stream's. */
  readonly initial: (id: string) => State;
  /**
   * What follows from a command. Pure: it may run again when somebody else was faster, so time, randomness and answers of others
   * come in with the command. What it throws is thrown to whoever gave the command, and nothing is appended.
   */
  readonly decide: (command: Command, state: State) => Decision<Event, Reason>;
  readonly evolve: Evolve<Event, State>;
  /**
   * Upcasters by event type and the schema version that they lift from: `{ 'payment.captured': { 1: (data) => … } }` makes version
   * 2 of version 1. Events are written at the version after the last of their type's; 1 without any. Default: none.
   */
  readonly upcast?: Readonly<Partial<Record<NoInfer<Event>['type'], Readonly<Record<number, Upcaster>>>>>;
  /** Default: every 100 events or 256 KiB. False: never. */
  readonly snapshot?: SnapshotOptions | false;
  /** Types of events that streams may hold and that no longer mean anything. Default: none, and such a stream is not read. */
  readonly ignore?: readonly string[];
  /**
   * `context`, the default: what two tenants call alike are two streams. `none`: streams are nobody's, whatever the Context; not
   * where the database keeps rows of tenants apart.
   */
  readonly tenancy?: 'context' | 'none';
}

/** Options of snapshots, all there. */
export type ResolvedSnapshot = Required<SnapshotOptions>;

/** A decider: a kind of stream, the commands that it takes and what they come to. Made by `decider`; holds no state. */
export interface Decider<Command, Event extends DomainEvent, State, Reason> {
  readonly name: string;
  readonly initial: (id: string) => State;
  readonly decide: (command: Command, state: State) => Decision<Event, Reason>;
  readonly evolve: Evolve<Event, State>;
  readonly upcast: Readonly<Record<string, Readonly<Record<number, Upcaster>>>>;
  readonly snapshot: ResolvedSnapshot | undefined;
  readonly ignore: ReadonlySet<string>;
  readonly tenancy: 'context' | 'none';
  /** Which snapshots are of this code. */
  readonly fingerprint: string;
}
