import fc from 'fast-check';

/** What a call's work will do once it is begun. */
export type Ending = 'succeeds' | 'fails' | 'is ignored' | 'hangs';

/** A call of a schedule. */
export interface PlannedCall {
  readonly atMs: number;
  /** From when the work is begun. */
  readonly durationMs: number;
  readonly ending: Ending;
  /** After how long its caller gives up; default never. */
  readonly leavesAfterMs?: number | undefined;
}

/** What is played a schedule: a policy or a library, or a model of one. */
export interface Subject {
  /** Lets time pass. */
  advance(toMs: number): Promise<void> | void;
  /** Makes a call. Sooner or later, or never, `begun` or `refused` must be told of it. */
  start(call: number): void;
  /** The work of a call that was begun ends. */
  end(call: number, ending: Exclude<Ending, 'hangs'>): void;
  /** The caller of a call that has not been told its end gives up. */
  leave?(call: number): void;
  [Symbol.dispose]?(): void;
}

/** Who hears what becomes of calls. */
export interface Listener {
  begun(call: number): void;
  refused(call: number): void;
  /** A caller that gave up is told so. */
  left(call: number): void;
}

/**
 * No two events are at the same time, and all are 3 beyond a multiple of 5, so that with open times and timeouts that are
 * no multiples of 5 nothing of a breaker comes due at the same moment as an event: who is first then is an accident.
 */
const GRID_MS = 5;
const OFFSET_MS = 3;

/**
 * Plays a schedule, and says when each call was begun, refused or left: `1003 begun 7`. The work of a call ends as planned,
 * counted from when it was begun.
 */
export async function play(
  calls: readonly PlannedCall[],
  create: (listener: Listener) => Subject,
): Promise<readonly string[]> {
  const taken = new Set<number>();
  const due: { atMs: number; event: () => void }[] = [];
  const trace: string[] = [];
  let nowMs = 0;
  const plan = (notBeforeMs: number, event: () => void) => {
    let atMs = Math.ceil(notBeforeMs / GRID_MS) * GRID_MS + OFFSET_MS;
    while (taken.has(atMs)) atMs += GRID_MS;
    taken.add(atMs);
    due.push({ atMs, event });
    due.sort((a, b) => a.atMs - b.atMs);
  };
  using subject = disposable(
    create({
      begun(call) {
        trace.push(`${nowMs} begun ${call}`);
        const planned = calls[call];
        if (planned === undefined || planned.ending === 'hangs') return;
        const { durationMs, ending } = planned;
        plan(nowMs + durationMs, () => subject.end(call, ending));
      },
      refused: (call) => trace.push(`${nowMs} refused ${call}`),
      left: (call) => trace.push(`${nowMs} left ${call}`),
    }),
  );
  for (const [call, { atMs, leavesAfterMs }] of calls.entries()) {
    plan(atMs, () => {
      subject.start(call);
      if (leavesAfterMs !== undefined) plan(nowMs + leavesAfterMs, () => subject.leave?.(call));
    });
  }
  for (let next = due.shift(); next !== undefined; next = due.shift()) {
    await subject.advance(next.atMs);
    nowMs = next.atMs;
    next.event();
    await allTold();
  }
  return trace;
}

/** All that promises had to say has been said. */
async function allTold(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

function disposable(subject: Subject): Subject & Disposable {
  return Object.assign(subject, { [Symbol.dispose]: subject[Symbol.dispose] ?? (() => {}) });
}

const weighted = (...endings: Ending[]) => fc.constantFrom(...endings);

/** Random schedules: phases in which most calls succeed or most fail, sparse or dense, fast or slow. */
export function schedules(leaving: 'nobody-leaves' | 'some-leave'): fc.Arbitrary<readonly PlannedCall[]> {
  const ending = {
    well: weighted('succeeds', 'succeeds', 'succeeds', 'succeeds', 'fails', 'is ignored'),
    badly: weighted('fails', 'fails', 'fails', 'fails', 'succeeds', 'is ignored', 'hangs'),
  };
  const leavesAfterMs =
    leaving === 'some-leave' ? fc.option(fc.nat(3_000), { nil: undefined }) : fc.constant(undefined);
  const phase = fc
    .record({
      goes: fc.constantFrom('well' as const, 'badly' as const),
      gapMs: fc.constantFrom(1, 50, 300, 2_000, 30_000),
      durationMs: fc.constantFrom(0, 0, 300, 3_000, 10_000),
    })
    .chain(({ goes, gapMs, durationMs }) =>
      fc.array(
        fc.record({ gapMs: fc.nat(gapMs * 2), durationMs: fc.nat(durationMs), ending: ending[goes], leavesAfterMs }),
        { maxLength: 20 },
      ),
    );
  return fc.array(phase, { minLength: 1, maxLength: 8 }).map((phases) => {
    let atMs = 0;
    return phases.flat().map((call) => ({ ...call, atMs: (atMs += call.gapMs) }));
  });
}
