import type { Context } from '@fairlead/core';
import type { Database, QueryResult } from '../database.ts';

/** A database and the line to it, for tests. */
export interface Breakable {
  readonly database: Database;
  /** Single statements that were sent. */
  readonly sent: number;
  /** From now on single statements do not arrive: they end with their Context. */
  cut(): void;
  /** From now on single statements are carried out and their answers are lost. */
  loseAnswers(): void;
  /** From now on answers to single statements arrive that much later, in milliseconds by the Context's clock. */
  delayAnswers(delayMs: number): void;
  mend(): void;
}

/** `database` over a line that can break for single statements. Transactions and listeners are not touched. */
export function breakable(database: Database): Breakable {
  let state: 'whole' | 'cut' | 'deaf' = 'whole';
  let delayMs = 0;
  let sent = 0;
  const query = async (ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult> => {
    sent += 1;
    if (state === 'cut') return never(ctx);
    const deaf = state === 'deaf';
    const lateMs = delayMs;
    const result = await database.query(ctx, text, params);
    if (lateMs > 0) await ctx.clock.sleep(lateMs, ctx.signal);
    return deaf ? never(ctx) : result;
  };
  return {
    database: {
      name: database.name,
      tx: (ctx, work, options) => database.tx(ctx, work, options),
      // What the columns are is the caller's claim about its own statement.
      query: query as Database['query'],
      listen: (channel, onNotify) => database.listen(channel, onNotify),
      close: (options) => database.close(options),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    },
    get sent() {
      return sent;
    },
    cut: () => (state = 'cut'),
    loseAnswers: () => (state = 'deaf'),
    delayAnswers: (ms) => (delayMs = ms),
    mend: () => {
      state = 'whole';
      delayMs = 0;
    },
  };
}

function never(ctx: Context): Promise<never> {
  return new Promise((_, reject) => ctx.onEnd(reject));
}
