import { FairleadError } from '@fairlead/core';
import type { Database, Sql, Tx } from '@fairlead/store';

/** Decides at every step of a database's use whether it goes wrong there. */
export interface Faults {
  /** Throws, or doesn't. `where` says which step of which statement this is. */
  point(where: string): void;
}

/** Goes wrong at the step with this number, from 1; then it is over (`once`) or nothing works any more (`crash`). */
export class FaultAt implements Faults {
  readonly #at: number;
  readonly #kind: 'once' | 'crash';
  #steps = 0;

  constructor(at: number, kind: 'once' | 'crash') {
    this.#at = at;
    this.#kind = kind;
  }

  /** Where it went wrong; undefined when the run had fewer steps. */
  hit: string | undefined;

  point(where: string): void {
    this.#steps += 1;
    if (this.#steps < this.#at || (this.#steps > this.#at && this.#kind === 'once')) return;
    this.hit ??= where;
    const code = where.startsWith('after commit') ? 'COMMIT_UNKNOWN' : 'DATABASE_UNAVAILABLE';
    throw new FairleadError('unavailable', code, `injected at ${where}`);
  }
}

/** `database`, with a step before and after everything that it does. */
export function faultyDatabase(database: Database, faults: Faults): Database {
  const around = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    faults.point(`before ${what}`);
    const value = await work();
    faults.point(`after ${what}`);
    return value;
  };
  const statement = (text: string): string => text.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
  return {
    name: database.name,
    tx: async (ctx, work, options) => {
      faults.point('before begin');
      const value = await database.tx(
        ctx,
        async (tx) => {
          const query: Sql['query'] = (text, params) => around(statement(text), () => tx.query(text, params));
          const faulty: Tx = { ctx: tx.ctx, query, afterCommit: (fn) => tx.afterCommit(fn) };
          const result = await work(faulty);
          faults.point('before commit');
          return result;
        },
        options,
      );
      faults.point('after commit');
      return value;
    },
    query: (ctx, text, params) => around(statement(text), () => database.query(ctx, text, params)),
    listen: (channel, onNotify) => around(`listen ${channel}`, () => database.listen(channel, onNotify)),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  };
}
