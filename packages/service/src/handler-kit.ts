import { uuidV7, type Context } from '@fairlead/core';
import type { Contract } from '@fairlead/contract';
import {
  handle,
  type Target,
  type View,
  type ViewOf,
  type Views,
  type Decider,
  type DomainEvent,
  type Handled,
  type HandleOptions,
  type Sagas,
} from '@fairlead/events';
import { publishEvent } from '@fairlead/messaging';
import type { Database, Leases, Tx } from '@fairlead/store';
import type { Logger, Telemetry } from '@fairlead/telemetry';
import type { ConfigShape, ConfigValues } from './config.ts';
import { fail } from './errors.ts';
import type { JobInputs, Jobs } from './jobs.ts';
import type { Calls, CommitTx, Kit, Uses } from './kit.ts';

/** What every kit of a service is made of. */
export interface KitParts {
  readonly contract: Contract;
  readonly config: ConfigValues<ConfigShape>;
  readonly database: Database | undefined;
  /** Whether rows of tenants are kept apart, streams of events among them. */
  readonly isolated: boolean;
  /** This process' leases; made when they are first asked for. */
  readonly leases: () => Leases;
  /** The service's own queues, when it has any. */
  readonly jobs: Jobs<JobInputs> | undefined;
  /** The sagas of this process, when the service has any: running from its start on. */
  readonly sagas: () => Sagas;
  /** The service's projections and replicas, when it has any. */
  readonly views: Views | undefined;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** The log of one kind of work; the same one each time. */
  readonly logFor: (work: string) => Logger;
  /** New clients for one run of `work`, an operation's name or an event's type. */
  readonly callsFor: (work: string) => Calls<Uses>;
  /** Wakes the relay. */
  readonly onPublished: () => void;
}

/** Child loggers by name of the work, made once: the names of a service are few. */
export function logs(log: Logger): (work: string) => Logger {
  const known = new Map<string, Logger>();
  return (work) => {
    const ready = known.get(work) ?? log.child({ operation: work });
    known.set(work, ready);
    return ready;
  };
}

/** The kit of one run of `work`, with its commit. What a handler may not need is made when it asks. */
export class HandlerKit<Commit> implements Kit<ConfigShape, Uses> {
  readonly #parts: KitParts;
  readonly #ctx: Context;
  readonly #work: string;
  #calls: Calls<Uses> | undefined;
  readonly commit: Commit;
  readonly newId = (): string => uuidV7(this.#ctx);

  constructor(parts: KitParts, ctx: Context, work: string, commit: Commit) {
    this.#parts = parts;
    this.#ctx = ctx;
    this.#work = work;
    this.commit = commit;
  }

  get config(): ConfigValues<ConfigShape> {
    return this.#parts.config;
  }

  get calls(): Calls<Uses> {
    return (this.#calls ??= this.#parts.callsFor(this.#work));
  }

  get db(): Database {
    return databaseOf(this.#parts);
  }

  get leases(): Leases {
    return this.#parts.leases();
  }

  get jobs(): Jobs<JobInputs> {
    const { jobs, contract } = this.#parts;
    if (jobs !== undefined) return jobs;
    throw fail('MISCONFIGURED', `${contract.name} has no jobs. Add jobs: { … } to its definition.`);
  }

  get sagas(): Sagas {
    return this.#parts.sagas();
  }

  view<T extends Target>(definition: View<T>): ViewOf<T> {
    const { views, contract } = this.#parts;
    if (views !== undefined) return views.view(definition);
    throw fail(
      'MISCONFIGURED',
      `${contract.name} has no views. Add projections: [${definition.name}], or replicas, to its definition.`,
    );
  }

  get log(): Logger {
    return this.#parts.logFor(this.#work);
  }
}

/**
 * The service's database.
 * @throws MISCONFIGURED when it has none
 */
export function databaseOf(parts: KitParts): Database {
  if (parts.database !== undefined) return parts.database;
  throw fail(
    'MISCONFIGURED',
    `${parts.contract.name} has no database. Add database: { migrations } to its definition.`,
  );
}

/** A transaction that can publish. */
export function commitTx(parts: KitParts, tx: Tx): CommitTx<Contract> {
  let poked = false;
  const published = (): void => {
    if (!poked) tx.afterCommit(parts.onPublished);
    poked = true;
  };
  return {
    ctx: tx.ctx,
    query: (text, params) => tx.query(text, params),
    afterCommit: (fn) => tx.afterCommit(fn),
    announce: (channel, payload) => tx.announce(channel, payload),
    publish: async (type, data) => {
      published();
      const { tenant } = tx.ctx;
      const streamPrefix = parts.isolated && tenant !== undefined ? `${tenant}/` : '';
      const event = await publishEvent(tx, parts.contract, type, data, { streamPrefix });
      await parts.views?.appended(tx, [event]);
      return event.id;
    },
    async handle<Command, Event extends DomainEvent, State, Reason>(
      decider: Decider<Command, Event, State, Reason>,
      id: string,
      command: Command,
      options: Pick<HandleOptions, 'expect' | 'seal'> = {},
    ) {
      const { contract, telemetry } = parts;
      const result = await handle(tx, decider, id, command, { ...options, contract, telemetry });
      if (result.kind === 'decided') await parts.views?.appended(tx, result.events);
      if (result.kind === 'decided' && result.events.some((event) => event.private !== true)) published();
      // A conflict comes of an expectation only.
      return result as Handled<State, Reason>;
    },
  };
}
