import { createContext, FairleadError, seededRandom, type Context } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mortalWorld, type Death, type MortalWorld } from './mortal-world.fixture.ts';
import type { SagaContext } from './saga-types.ts';
import { saga } from './saga.ts';

/** Everything that a saga can do, and what of it happened. */
function everything() {
  const steps: Record<string, number> = {};
  const keys = new Map<string, Set<string | undefined>>();
  const step = (name: string, ctx: Context): string => {
    steps[name] = (steps[name] ?? 0) + 1;
    keys.set(name, (keys.get(name) ?? new Set()).add(ctx.idempotencyKey));
    return name.toUpperCase();
  };
  const child = saga('part', async (s, n: number) => s.step('c', (ctx) => `${step('child', ctx)} ${n}`));
  const whole = saga('whole', async (s, input: { readonly n: number }) => {
    const a = await s.step('a', (ctx) => step('a', ctx), { undo: (ctx) => void step('undo a', ctx) });
    const both = await Promise.all([
      s.step('b', (ctx) => step('b', ctx)),
      s.transaction(
        't',
        async (tx) => {
          await tx.query(`insert into effect (name) values ('t')`);
          return 'T';
        },
        { undo: async (tx) => void (await tx.query(`insert into effect (name) values ('undo t')`)) },
      ),
    ]);
    await s.sleep('5s');
    const told = await s.signal<string>('told', { timeout: '1d' });
    const part = await s.child(child, input.n);
    s.expose({ told });
    await s.transaction('u', async (tx) => void (await tx.query(`insert into effect (name) values ('u')`)));
    if (input.n < 0) throw new FairleadError('conflict', 'BELOW_ZERO', 'no');
    return [a, both, told, part, await s.step('z', (ctx) => step('z', ctx))];
  });
  return { steps, keys, set: { whole, part: child } };
}

/** One run through a process that dies there, and then through one that doesn't. Resolves to whether it died. */
async function story(world: MortalWorld, death: Death | undefined, id: string, n: number): Promise<boolean> {
  const { clock, drive, database } = world;
  const random = seededRandom(id);
  const { steps, keys, set } = everything();
  using ctx = createContext({ clock, random });
  const first = world.process(set, death);
  const client = async (process: typeof first) => {
    await process.sagas.start(ctx, 'whole', id, { n });
    await process.sagas.signal(ctx, 'whole', id, 'told', 'yes', { dedupe: 'once' });
    return process.sagas.result(ctx, 'whole', id);
  };
  const dying = async (): Promise<void> => {
    while (!first.dead) await clock.sleep(50);
  };
  const outcome = await drive(Promise.race([client(first), dying()]));
  const died = first.dead;
  const second = world.process(set);
  const final = outcome ?? (await drive(client(second)));
  first.kill();
  if (n < 0) {
    expect(final).toMatchObject({ kind: 'compensated', failure: { code: 'BELOW_ZERO' } });
  } else {
    expect(final).toEqual({ kind: 'completed', result: ['A', ['B', 'T'], 'yes', `CHILD ${n}`, 'Z'] });
  }
  const { rows } = await database.query(ctx, 'select name from effect order by name');
  expect(rows.map((row) => row['name'])).toEqual(n < 0 ? ['t', 'u', 'undo t'] : ['t', 'u']);
  expect(Object.keys(steps).toSorted()).toEqual(n < 0 ? ['a', 'b', 'child', 'undo a'] : ['a', 'b', 'child', 'z']);
  // Whatever is done twice is done under one key.
  for (const each of keys.values()) expect(each.size).toBe(1);
  for (const count of Object.values(steps)) expect(count).toBeLessThanOrEqual(died ? 2 : 1);
  expect(await drive(second.sagas.query(ctx, 'whole', id))).toEqual({ told: 'yes' });
  second.kill();
  await database.query(ctx, 'delete from effect');
  return died;
}

/** Statements and commits of a run that does everything, at the least. */
const MOMENTS = 30;

test.each([
  ['succeeds', 1, 'after'],
  ['fails', -1, 'before'],
] as const)(
  'a run that %s comes out the same wherever its process dies (%i, %s any statement or commit)',
  async (_, n, when) => {
    await using world = await mortalWorld(`crash ${when} ${n}`);
    using ctx = createContext({ clock: world.clock, random: seededRandom(1) });
    await world.database.query(ctx, 'create table effect (name text not null)');
    let at = 1;
    while (await story(world, { at, when }, `${when}-${at}`, n)) at += 1;
    expect(at).toBeGreaterThan(MOMENTS);
  },
  600_000,
);

/** A program: what each of its parts does, one after another; lists go on side by side. */
type Part = string | readonly Part[];

const programs = fc.letrec<{ part: Part; list: readonly Part[] }>((tie) => ({
  part: fc.oneof({ depthSize: 'small' }, fc.constantFrom('step', 'transaction', 'sleep', 'caught'), tie('list')),
  list: fc.array(tie('part'), { minLength: 1, maxLength: 4 }),
})).list;

function transactionsOf(program: readonly Part[]): number {
  return program.reduce<number>(
    (sum, part) => sum + (typeof part === 'string' ? Number(part === 'transaction') : transactionsOf(part)),
    0,
  );
}

/** Runs a program; comes to how many of its parts were done. */
async function runParts(s: SagaContext, program: readonly Part[]): Promise<number> {
  let done = 0;
  for (const part of program) {
    if (typeof part !== 'string') {
      const counts = await Promise.all(part.map((each) => runParts(s, [each])));
      done += counts.reduce((sum, count) => sum + count, 0);
      continue;
    }
    if (part === 'sleep') await s.sleep('2s');
    else if (part === 'step') await s.step('step', async (ctx) => ctx.clock.sleep(20));
    else if (part === 'transaction')
      await s.transaction('t', async (tx) => void (await tx.query(`insert into effect (name) values ('t')`)));
    else
      await s
        .step('caught', () => {
          throw new FairleadError('conflict', 'CAUGHT', 'no', { details: { retry: false } });
        })
        .catch(() => {});
    done += 1;
  }
  return done;
}

function partsOf(program: readonly Part[]): number {
  return program.reduce<number>((sum, part) => sum + (typeof part === 'string' ? 1 : partsOf(part)), 0);
}

test('whatever a program does, and wherever its processes die, it comes to its end with each transaction done once', async () => {
  await using world = await mortalWorld('programs');
  using ctx = createContext({ clock: world.clock, random: seededRandom(1) });
  await world.database.query(ctx, 'create table effect (name text not null)');
  let runs = 0;
  const deaths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(programs, deaths, async (program, dyings) => {
      runs += 1;
      const id = `run-${runs}`;
      const it = saga('it', (s, _: null) => runParts(s, program));
      for (const at of [...dyings, undefined]) {
        const process = world.process(
          { it },
          at === undefined ? undefined : { at, when: at % 2 === 0 ? 'before' : 'after' },
        );
        const client = async () => {
          await process.sagas.start(ctx, 'it', id, null);
          return process.sagas.result(ctx, 'it', id);
        };
        const dying = async (): Promise<undefined> => {
          while (!process.dead) await world.clock.sleep(50);
          return undefined;
        };
        const outcome = await world.drive(Promise.race([client(), dying()]));
        process.kill();
        if (outcome === undefined) continue;
        expect(outcome).toEqual({ kind: 'completed', result: partsOf(program) });
        break;
      }
      const { rowCount } = await world.database.query(ctx, 'delete from effect');
      expect(rowCount).toBe(transactionsOf(program));
    }),
    { numRuns: 30, seed: 7 },
  );
}, 600_000);
