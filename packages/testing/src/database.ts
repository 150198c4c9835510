import { FairleadError, type Clock } from '@fairlead/core';
import type { Database, Tx } from '@fairlead/store';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

/**
 * A process's connection to its database: every statement crosses the network there and back, so that a kill may fall
 * before it, after it, and on either side of COMMIT. What a dead process left open is rolled back for it.
 */
export function simulatedDatabase(
  inner: Database,
  process: SimulatedProcess,
  network: Network,
  clock: Clock,
  trace: Trace,
): Database {
  const gone = new Promise<never>((_resolve, reject) => {
    process.onKill(() => reject(new Error(`${process.name} was killed`)));
  });
  gone.catch(() => {});

  const broken = (moment: 'before' | 'after') =>
    moment === 'before'
      ? new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', `${inner.name}: the connection broke.`)
      : new FairleadError('unavailable', 'COMMIT_UNKNOWN', `${inner.name}: the connection broke during COMMIT.`);

  const statement =
    (run: Tx['query']): Tx['query'] =>
    async (text, params) => {
      await network.cross(process);
      if (network.breaks(process)) throw broken('before');
      const result = await run(text, params);
      trace.add(clock.now(), 'sql', process.name, inner.name, text, params, result.rows);
      await network.cross(process);
      // The pass-through keeps the row type that the caller named.
      return result as never;
    };

  return {
    name: inner.name,
    query: (ctx, text, params) =>
      process.whileAlive(statement((sql, values) => inner.query(ctx, sql, values))(text, params)) as never, // as above

    async tx(ctx, work, options) {
      const committed: (() => void)[] = [];
      const run = async () => {
        const result = await inner.tx(
          ctx,
          (tx) => {
            const gated: Tx = {
              ctx: tx.ctx,
              query: statement((text, params) => tx.query(text, params)),
              afterCommit: (fn) => void committed.push(fn),
              announce: (channel, payload) => tx.announce(channel, payload),
            };
            const finish = async () => {
              const value = await work(gated);
              await network.cross(process);
              if (network.breaks(process)) throw broken('before');
              return value;
            };
            return Promise.race([finish(), gone]);
          },
          options,
        );
        trace.add(clock.now(), 'commit', process.name, inner.name);
        await network.cross(process);
        if (network.breaks(process)) throw broken('after');
        return result;
      };
      const result = await process.whileAlive(run());
      for (const fn of committed) fn();
      return result;
    },

    listen: (channel, onNotify) =>
      inner.listen(channel, (payload) => {
        void network.cross(process).then(() => onNotify(payload));
      }),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
