import { createContext, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { mortalWorld } from './mortal-world.fixture.ts';
import { sagaAdmin } from './saga-admin.ts';
import { saga } from './saga.ts';

test('a run that ends each process that has it is parked, and the others go on', async () => {
  await using world = await mortalWorld('poison');
  using ctx = createContext({ clock: world.clock, random: seededRandom(1) });
  let lives = 0;
  let kill = (): void => {};
  const poison = saga('poison', async (s, _: null) => {
    await s.step(
      'fatal',
      async () => {
        lives += 1;
        kill();
        return new Promise<never>(() => {});
      },
      { timeout: 0 },
    );
  });
  const harmless = saga('harmless', async (s, _: null) => {
    await s.sleep('10m');
    return s.step('a', () => 1);
  });
  const set = { poison, harmless };
  const first = world.process(set);
  await world.drive(first.sagas.start(ctx, 'harmless', '1', null));
  kill = () => first.kill();
  // Its answer dies with the process.
  const started = first.sagas.start(ctx, 'poison', '1', null);
  const dead = async (of: { readonly dead: boolean }): Promise<void> => {
    while (!of.dead) await world.clock.sleep(100);
  };
  await world.drive(Promise.race([started.then(() => dead(first)), dead(first)]));
  for (;;) {
    const next = world.process(set);
    kill = () => next.kill();
    const parked = async (): Promise<void> => {
      while ((await next.sagas.get(ctx, 'poison', '1'))?.status !== 'parked') await world.clock.sleep(100);
    };
    await world.drive(Promise.race([parked(), dead(next)]));
    if (next.dead) continue;
    expect((await world.drive(next.sagas.get(ctx, 'poison', '1')))?.failure?.code).toBe('SAGA_POISON');
    expect(lives).toBe(21);
    expect(await world.drive(next.sagas.result(ctx, 'harmless', '1'))).toEqual({ kind: 'completed', result: 1 });
    expect(await world.drive(sagaAdmin(world.database).resolve(ctx, 'poison', '1', { note: 'never again' }))).toEqual({
      kind: 'done',
    });
    break;
  }
});

test('runs that a closing process leaves, and those that are started in it meanwhile, go on in the next', async () => {
  await using world = await mortalWorld('closing');
  using ctx = createContext({ clock: world.clock, random: seededRandom(2) });
  const it = saga('it', async (s, n: number) => {
    await s.sleep('1s');
    return s.step('a', () => n);
  });
  const first = world.process({ it });
  await world.drive(first.sagas.start(ctx, 'it', 'before', 1));
  const closing = first.sagas.close({ graceMs: 1_000 });
  expect(await world.drive(first.sagas.start(ctx, 'it', 'while', 2))).toEqual({ kind: 'started', id: 'while' });
  await world.drive(closing);
  expect(first.sagas.active).toBe(0);
  const second = world.process({ it });
  expect(await world.drive(second.sagas.result(ctx, 'it', 'before'))).toEqual({ kind: 'completed', result: 1 });
  expect(await world.drive(second.sagas.result(ctx, 'it', 'while'))).toEqual({ kind: 'completed', result: 2 });
});
