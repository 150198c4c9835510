import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { testDatabase } from '../testing/index.ts';

// The embedded server can't compile, so that only other people's servers would tell.
test('a function that forbids the planner something forbids compiling as well, which pretended costs would bring about', async () => {
  await using held = await testDatabase();
  using ctx = createContext({ clock: realClock(), random: realRandom() });
  const { rows } = await held.database.query<{ name: string; jit: boolean }>(
    ctx,
    `select p.proname::text as name, 'jit=off' = any (p.proconfig) as jit from pg_proc p
      where 'enable_seqscan=off' = any (p.proconfig) and p.pronamespace = 'public'::regnamespace order by 1`,
  );
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.filter(({ jit }) => !jit).map(({ name }) => name)).toEqual([]);
});
