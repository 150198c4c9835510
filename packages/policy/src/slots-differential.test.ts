import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cockatielSlots, ourSlots } from './peers.fixture.ts';
import { play, schedules, type Ending, type Listener, type PlannedCall, type Subject } from './schedule.fixture.ts';
import { SlotsModel, type SlotHabits, type SlotsSetup } from './slots-model.fixture.ts';

const OURS: SlotHabits = { waiting: 'leaves-at-once', running: 'told-at-once' };
const COCKATIEL: SlotHabits = { waiting: 'keeps-its-place', running: 'told-at-the-end' };

type Create = (listener: Listener) => Subject;

const us =
  (setup: SlotsSetup): Create =>
  (listener) =>
    ourSlots(setup, listener);
const cockatiel =
  (setup: SlotsSetup): Create =>
  (listener) =>
    cockatielSlots(setup, listener);
const model =
  (habits: SlotHabits, setup: SlotsSetup): Create =>
  (listener) =>
    new SlotsModel(habits, setup, listener);

describe('a model does with every call of random schedules what is done by', () => {
  const setups: readonly SlotsSetup[] = [
    { limit: 1, queue: 0 },
    { limit: 1, queue: 3 },
    { limit: 3, queue: 5 },
  ];
  const cases = setups.flatMap((setup) => [
    [`these slots, ${JSON.stringify(setup)}`, us(setup), model(OURS, setup)] as const,
    [`cockatiel, ${JSON.stringify(setup)}`, cockatiel(setup), model(COCKATIEL, setup)] as const,
  ]);
  test.each(cases)('%s', async (_, one, other) => {
    await fc.assert(
      fc.asyncProperty(schedules('some-leave'), async (calls) => {
        // Who is told first in one moment is an accident of promises.
        expect((await play(calls, one)).toSorted()).toEqual((await play(calls, other)).toSorted());
      }),
      { numRuns: 30, seed: 20_26 },
    );
  });
});

const call = (atMs: number, ending: Ending, durationMs: number, leavesAfterMs?: number): PlannedCall => ({
  atMs,
  ending,
  durationMs,
  leavesAfterMs,
});

describe('differences', () => {
  const setup = { limit: 1, queue: 1 };
  const schedulesOf: Readonly<Record<keyof SlotHabits, readonly PlannedCall[]>> = {
    // The second waits and leaves; the third finds its place free, or taken.
    waiting: [call(0, 'succeeds', 1_000), call(100, 'succeeds', 0, 100), call(300, 'succeeds', 0)],
    // The first leaves, while its work goes on and keeps its slot.
    running: [call(0, 'succeeds', 1_000, 100), call(300, 'succeeds', 0)],
  };
  const traces = {
    waiting: {
      here: ['3 begun 0', '208 left 1', '1008 begun 2'],
      there: ['3 begun 0', '303 refused 2', '1008 left 1'],
    },
    running: {
      here: ['3 begun 0', '108 left 0', '1008 begun 1'],
      there: ['3 begun 0', '1008 begun 1', '1008 left 0'],
    },
  };

  test.each(['waiting', 'running'] as const)('%s', async (habit) => {
    const calls = schedulesOf[habit];
    const played = async (create: Create) => (await play(calls, create)).toSorted();
    expect(await played(us(setup))).toEqual(traces[habit].here.toSorted());
    const there = await played(cockatiel(setup));
    expect(there).toEqual(traces[habit].there.toSorted());
    // It is this habit, and not another one, that makes the difference.
    expect(await played(model({ ...COCKATIEL, [habit]: OURS[habit] }, setup))).not.toEqual(there);
  });

  test('are all that the documentation lists', () => {
    const document = readFileSync(new URL('../../../docs/explain/policy-differences.md', import.meta.url), 'utf8');
    const [, slots = ''] = document.split('## Slots and a queue');
    const listed = [...slots.matchAll(/^\| `(\w+)` \| cockatiel \|/gm)].map(([, habit]) => habit);
    expect(listed).toEqual(Object.keys(OURS));
  });
});
