import { uuidV7, type Context } from '@fairlead/core';
import type { Contract } from '@fairlead/contract';
import { publish } from '@fairlead/messaging';
import type { Database, Tx } from '@fairlead/store';
import type { Logger } from '@fairlead/telemetry';
import type { ConfigShape, ConfigValues } from './config.ts';
import { fail } from './errors.ts';
import type { Calls, CommitTx, Kit, Uses } from './kit.ts';

/** What every kit of a service is made of. */
export interface KitParts {
  readonly contract: Contract;
  readonly config: ConfigValues<ConfigShape>;
  readonly database: Database | undefined;
  readonly log: Logger;
  /** New clients for one run of `work`, an operation's name or an event's type. */
  readonly callsFor: (work: string) => Calls<Uses>;
  /** Wakes the relay. */
  readonly onPublished: () => void;
}

/** The kit of one run of `work`, without its commit. */
export function handlerKit(parts: KitParts, ctx: Context, work: string): Kit<ConfigShape, Uses> {
  let calls: Calls<Uses> | undefined;
  return {
    config: parts.config,
    get calls() {
      return (calls ??= parts.callsFor(work));
    },
    get db() {
      return databaseOf(parts);
    },
    log: parts.log.child({ operation: work }),
    newId: () => uuidV7(ctx),
  };
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
  return {
    ctx: tx.ctx,
    query: (text, params) => tx.query(text, params),
    afterCommit: (fn) => tx.afterCommit(fn),
    publish: async (type, data) => {
      if (!poked) tx.afterCommit(parts.onPublished);
      poked = true;
      return publish(tx, parts.contract, type, data);
    },
  };
}
