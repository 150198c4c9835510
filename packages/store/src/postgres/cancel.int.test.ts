import { createContext, realClock, realRandom, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { openDatabase } from './postgres-database.ts';
import { testDatabase } from '../testing/index.ts';

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });

test('thousands of cancels that race with the end of their statements never end another one', async () => {
  await using held = await testDatabase();
  // Few connections, so that the next statement follows on the heels of the one that was given up.
  await using database = openDatabase({ url: held.url, name: 'race', clock, maxConnections: 3 });
  const chance = seededRandom('cancels');
  const counts = { answered: 0, cancelled: 0, bystanders: 0 };
  let racing = true;

  const bystander = async (): Promise<void> => {
    while (racing) {
      // Long enough to be hit by whatever comes late.
      const { rows } = await database.query(ctx, 'select pg_sleep($1), 7 as seven', [0.001]);
      expect(rows[0]?.['seven']).toBe(7);
      await database.tx(ctx, (tx) => tx.query('select pg_sleep($1)', [0.0005]));
      counts.bystanders += 2;
    }
  };
  const canceller = async (): Promise<void> => {
    for (let round = 0; round < 1_000; round += 1) {
      using scope = createContext({ clock, random });
      const work =
        chance.next() < 0.5
          ? database.query(scope, 'select pg_sleep($1)', [0.001])
          : database.tx(scope, (tx) => tx.query('select pg_sleep($1)', [0.001]));
      const ended = work.then(
        () => 'answered' as const,
        (error: { code: string }) => {
          if (error.code !== 'CANCELLED') throw error;
          return 'cancelled' as const;
        },
      );
      await clock.sleep(chance.next() * 4, ctx.signal);
      scope.cancel();
      counts[await ended] += 1;
    }
  };
  const bystanders = [bystander(), bystander()];
  await Promise.all([canceller(), canceller(), canceller(), canceller()]);
  racing = false;
  await Promise.all(bystanders);
  expect(counts.answered + counts.cancelled).toBe(4_000);
  // Both ends of the race were reached, and others worked meanwhile.
  expect(Math.min(counts.answered, counts.cancelled, counts.bystanders)).toBeGreaterThan(0);
});
