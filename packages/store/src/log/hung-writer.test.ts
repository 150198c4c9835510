import { createContext, isError, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Tx } from '../database.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase } from '../testing/index.ts';
import { logReader } from './log-reader.ts';
import { append } from './log.ts';

// A writer that has drawn a position and then hangs holds everybody up behind it. The server ends it.

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

const event = (data: string) => ({ type: 'note.made', key: 'k', data });

/** Hangs in a transaction that has appended; answers with its failure and what a reader is then given. */
async function hung(
  limits: { transactionTimeoutMs: number; timeoutMs: number | undefined },
  hang: (tx: Tx, never: Promise<void>) => Promise<unknown>,
): Promise<{ failure: unknown; delivered: readonly unknown[] }> {
  await using held = await testDatabase();
  const { transactionTimeoutMs, timeoutMs } = limits;
  await using writers = openDatabase({ url: held.url, name: 'writer', clock, transactionTimeoutMs });
  const released = Promise.withResolvers<void>();
  const drawn = Promise.withResolvers<void>();
  using scope = ctx.withTimeout(timeoutMs ?? 60_000);
  const failing = writers
    .tx(scope, async (tx) => {
      await append(tx, 'a', 'any', [event('hung')]);
      drawn.resolve();
      await hang(tx, released.promise);
    })
    .catch((error: unknown) => error);
  await drawn.promise;
  await held.database.tx(ctx, (tx) => append(tx, 'b', 'any', [event('next')]));
  const events = await logReader(held.database, { gapWaitMs: 20_000 }).read(ctx, { after: 0n, limit: 10 });
  released.resolve();
  return { failure: await failing, delivered: events.map(({ data }) => data) };
}

/** Long enough for a busy machine to append in. */
const LIMIT_MS = 1_500;

test('a transaction that lasts too long is ended by the server, and delivery goes on', async () => {
  const { failure, delivered } = await hung({ transactionTimeoutMs: LIMIT_MS, timeoutMs: undefined }, async (tx) => {
    for (;;) await tx.query('select pg_sleep(0.02)');
  });
  expect(delivered).toEqual(['next']);
  expect(isError(failure, 'TRANSACTION_TIMEOUT')).toBe(true);
});

test('a transaction that sits idle is ended by the server, and delivery goes on', async () => {
  const { failure, delivered } = await hung(
    { transactionTimeoutMs: LIMIT_MS, timeoutMs: undefined },
    (_tx, never) => never,
  );
  expect(delivered).toEqual(['next']);
  expect(failure).toMatchObject({ kind: expect.any(String), code: expect.any(String) });
});

test('a statement is ended with its Context, and delivery goes on', async () => {
  const { failure, delivered } = await hung({ transactionTimeoutMs: 0, timeoutMs: LIMIT_MS }, (tx) =>
    tx.query('select pg_sleep(60)'),
  );
  expect(delivered).toEqual(['next']);
  expect(isError(failure, 'DEADLINE_EXCEEDED')).toBe(true);
});
