import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Model, type Habits, type Setup } from './breaker-model.fixture.ts';
import { play, schedules, type Ending, type Listener, type PlannedCall, type Subject } from './schedule.fixture.ts';
import { cockatiel, opossum, ours } from './peers.fixture.ts';

const TIME: Setup = { window: { buckets: 10, bucketMs: 1_000 }, minCalls: 5, ratio: 0.5, openMs: 2_002 };
const CALLS: Setup = { ...TIME, window: { calls: 10 } };
const CROWDED: Setup = { ...TIME, timeoutMs: 504, capacity: 3 };

const OURS: Habits = {
  threshold: 'at-least',
  judged: 'by-every-result',
  counts: 'results',
  late: 'dropped',
  closing: 'empty',
  ignored: 'nothing',
  halfOpens: 'with-time',
  busy: 'refused',
  buckets: 'by-time',
  leaseMs: 1_001,
  slots: 'until-the-work-ends',
  full: 'nothing',
};
const OPOSSUM: Habits = {
  ...OURS,
  threshold: 'more',
  judged: 'by-failures',
  counts: 'calls',
  late: 'acted-on',
  closing: 'as-it-was',
  ignored: 'success',
  leaseMs: Infinity,
  slots: 'until-the-timeout',
  full: 'a-failure',
};
const COCKATIEL: Habits = {
  ...OURS,
  threshold: 'more',
  judged: 'by-failures',
  late: 'sampled',
  closing: 'with-the-probe',
  ignored: 'nothing-or-a-good-probe',
  halfOpens: 'with-a-call',
  busy: 'waits',
  buckets: 'by-result',
  leaseMs: Infinity,
};

type Create = (listener: Listener) => Subject;

const us =
  (setup: Setup): Create =>
  (listener) =>
    ours(setup, OURS.leaseMs, listener);
const peers = {
  opossum: {
    habits: OPOSSUM,
    create:
      (setup: Setup): Create =>
      (listener) =>
        opossum(setup, listener),
  },
  cockatiel: {
    habits: COCKATIEL,
    create:
      (setup: Setup): Create =>
      (listener) =>
        cockatiel(setup, listener),
  },
} as const;
const model =
  (habits: Habits, setup: Setup): Create =>
  (listener) =>
    new Model(habits, setup, listener);

describe('a model does with every call of random schedules what is done by', () => {
  // The seed is fixed: what others do is not for a random schedule to find out on the day of a release.
  test.each<[string, Create, Create]>([
    ['this breaker, over time', us(TIME), model(OURS, TIME)],
    ['this breaker, over calls', us(CALLS), model(OURS, CALLS)],
    ['this breaker, with timeouts and slots', us(CROWDED), model(OURS, CROWDED)],
    ['opossum, with the habits of opossum', peers.opossum.create(TIME), model(OPOSSUM, TIME)],
    ['opossum, with timeouts and slots', peers.opossum.create(CROWDED), model(OPOSSUM, CROWDED)],
    ['cockatiel over time, with the habits of cockatiel', peers.cockatiel.create(TIME), model(COCKATIEL, TIME)],
    ['cockatiel over calls', peers.cockatiel.create(CALLS), model(COCKATIEL, CALLS)],
  ])('%s', async (_, one, other) => {
    await fc.assert(
      fc.asyncProperty(schedules('nobody-leaves'), async (calls) => {
        expect(await play(calls, one)).toEqual(await play(calls, other));
      }),
      { numRuns: 60, seed: 20_26 },
    );
  });
});

/** A row of docs/explain/policy-differences.md: what becomes of the last call, there and here. */
interface Difference {
  readonly of: keyof typeof peers;
  readonly habit: keyof Habits;
  readonly setup?: Setup;
  readonly calls: readonly PlannedCall[];
  readonly there: 'begun' | 'refused' | 'never told';
  readonly here: 'begun' | 'refused';
}

const call = (atMs: number, ending: Ending, durationMs = 0): PlannedCall => ({ atMs, ending, durationMs });
/** Calls one after the other, 10 ms apart. */
const row = (atMs: number, ...endings: Ending[]) => endings.map((ending, index) => call(atMs + 10 * index, ending));
/** Enough failures to open any of them, before 200. */
const opening = row(100, 'fails', 'fails', 'fails', 'fails', 'fails', 'fails');

const DIFFERENCES: readonly Difference[] = [
  ...(['opossum', 'cockatiel'] as const).flatMap((of): Difference[] => [
    {
      of,
      habit: 'threshold',
      calls: row(0, 'succeeds', 'fails', 'succeeds', 'fails', 'succeeds', 'fails', 'succeeds'),
      there: 'begun',
      here: 'refused',
    },
    {
      of,
      habit: 'judged',
      calls: row(0, 'fails', 'fails', 'fails', 'succeeds', 'succeeds', 'succeeds'),
      there: 'begun',
      here: 'refused',
    },
  ]),
  {
    of: 'opossum',
    habit: 'counts',
    calls: [
      ...row(0, 'hangs', 'hangs', 'hangs', 'hangs', 'hangs'),
      ...row(50, 'fails', 'fails', 'fails', 'fails', 'fails', 'fails'),
    ],
    there: 'begun',
    here: 'refused',
  },
  {
    of: 'opossum',
    habit: 'late',
    calls: [call(0, 'succeeds', 4_500), ...opening, call(4_000, 'fails', 800), call(4_600, 'succeeds')],
    there: 'begun',
    here: 'refused',
  },
  {
    of: 'cockatiel',
    habit: 'late',
    calls: [call(0, 'fails', 4_500), ...opening, call(4_000, 'succeeds', 800), call(4_900, 'succeeds')],
    there: 'refused',
    here: 'begun',
  },
  {
    of: 'opossum',
    habit: 'closing',
    calls: [...opening, ...row(3_000, 'succeeds', 'fails', 'succeeds')],
    there: 'refused',
    here: 'begun',
  },
  {
    of: 'cockatiel',
    habit: 'closing',
    calls: [...opening, ...row(3_000, 'succeeds', 'fails', 'fails', 'fails', 'fails', 'succeeds')],
    there: 'refused',
    here: 'begun',
  },
  ...(['opossum', 'cockatiel'] as const).map((of): Difference => ({
    of,
    habit: 'ignored',
    calls: [...opening, call(3_000, 'is ignored'), call(3_100, 'succeeds', 500), call(3_200, 'succeeds')],
    there: 'begun',
    here: 'refused',
  })),
  {
    of: 'cockatiel',
    habit: 'halfOpens',
    calls: [call(0, 'fails', 3_000), ...opening, call(3_500, 'succeeds')],
    there: 'begun',
    here: 'begun',
  },
  {
    of: 'cockatiel',
    habit: 'busy',
    calls: [...opening, call(3_000, 'succeeds', 500), call(3_100, 'succeeds')],
    there: 'begun',
    here: 'refused',
  },
  {
    of: 'cockatiel',
    habit: 'buckets',
    calls: [...row(0, 'fails', 'fails', 'fails', 'fails'), call(60_000, 'fails'), call(60_100, 'succeeds')],
    there: 'refused',
    here: 'begun',
  },
  {
    of: 'opossum',
    habit: 'leaseMs',
    calls: [...opening, call(3_000, 'hangs'), call(1_000_000, 'succeeds')],
    there: 'refused',
    here: 'begun',
  },
  {
    of: 'cockatiel',
    habit: 'leaseMs',
    calls: [...opening, call(3_000, 'hangs'), call(1_000_000, 'succeeds')],
    there: 'never told',
    here: 'begun',
  },
  {
    of: 'opossum',
    habit: 'slots',
    setup: CROWDED,
    calls: [...row(0, 'hangs', 'hangs', 'hangs'), call(2_000, 'succeeds')],
    there: 'begun',
    here: 'refused',
  },
  {
    of: 'opossum',
    habit: 'full',
    setup: CROWDED,
    calls: [
      ...[0, 10, 20].map((atMs) => call(atMs, 'succeeds', 300)),
      ...row(50, 'succeeds', 'succeeds', 'succeeds', 'succeeds', 'succeeds'),
      call(500, 'succeeds'),
    ],
    there: 'refused',
    here: 'begun',
  },
];

describe('differences', () => {
  test.each(DIFFERENCES.map((each) => [`${each.of}: ${each.habit}`, each] as const))('%s', async (_, difference) => {
    const { of, habit, setup = TIME, calls, there, here } = difference;
    const { habits, create } = peers[of];
    const trace = await play(calls, create(setup));
    expect(trace).toEqual(await play(calls, model(habits, setup)));
    // It is this habit, and not another one, that makes the difference.
    const without = { ...habits, [habit]: OURS[habit] };
    expect(await play(calls, model(without, setup))).not.toEqual(trace);
    expect(last(trace, calls)).toBe(there);
    expect(last(await play(calls, us(setup)), calls)).toBe(here);
  });

  test('are all that the models know, and all that the documentation lists', () => {
    const known = Object.entries(peers).flatMap(([of, { habits }]) =>
      Object.entries(habits).flatMap(([habit, is]) => (is === OURS[habit as keyof Habits] ? [] : [`${of}: ${habit}`])),
    );
    expect(DIFFERENCES.map(({ of, habit }) => `${of}: ${habit}`).toSorted()).toEqual(known.toSorted());
    const document = readFileSync(new URL('../../../docs/explain/policy-differences.md', import.meta.url), 'utf8');
    const [breakers = ''] = document.split('## Slots and a queue');
    const listed = [...breakers.matchAll(/^\| `(\w+)` \| (opossum|cockatiel)(?:, (cockatiel))? \|/gm)].flatMap(
      ([, habit, ...of]) => of.filter((each) => each !== undefined).map((each) => `${each}: ${habit}`),
    );
    expect(listed.toSorted()).toEqual(known.toSorted());
  });
});

function last(trace: readonly string[], calls: readonly PlannedCall[]): string {
  return trace.find((line) => line.endsWith(` ${calls.length - 1}`))?.split(' ')[1] ?? 'never told';
}
