import { expect, test } from 'vitest';
import type { BreakerMode, BreakerStateName } from './breaker-state.ts';
import { Driven, RESILIENCE4J, SLOW_MS } from './driven-breaker.fixture.ts';
import { FAILURE, IGNORED, SUCCESS } from './outcome.ts';

/**
 * What a state becomes by what happens in it. Where resilience4j has state and event, it is resilience4j's. A dot: it stays.
 * `late`: results of calls from before the state, more than any rule needs.
 */
const TABLE = `
                 failing    slow       well       ignored    late  waiting    hanging    open         closed         disabled  metrics-only  auto
  closed         open       open       .          .          .     .          .          forced-open  forced-closed  disabled  metrics-only  .
  open           .          .          .          .          .     half-open  .          forced-open  forced-closed  disabled  metrics-only  .
  half-open      open       open       closed     .          .     .          open       forced-open  forced-closed  disabled  metrics-only  .
  forced-open    .          .          .          .          .     .          .          .            forced-closed  disabled  metrics-only  half-open
  forced-closed  .          .          .          .          .     .          .          forced-open  .              disabled  metrics-only  closed
  disabled       .          .          .          .          .     .          .          forced-open  forced-closed  .         metrics-only  closed
  metrics-only   .          .          .          .          .     .          .          forced-open  forced-closed  disabled  .             closed
`;

const MODES: readonly BreakerMode[] = ['open', 'closed', 'disabled', 'metrics-only', 'auto'];

/** As long as it stays in its state: as many calls as every rule needs, which end at once. */
function call(driven: Driven, outcome: 0 | 1 | 2, durationMs = 0): void {
  const before = driven.state.state;
  for (let each = 0; each < 10 && driven.state.state === before; each++) driven.call(outcome, durationMs);
}

const EVENTS: Readonly<Record<string, (driven: Driven, old: readonly number[]) => void>> = {
  failing: (driven) => call(driven, FAILURE),
  slow: (driven) => call(driven, SUCCESS, SLOW_MS),
  well: (driven) => call(driven, SUCCESS),
  ignored: (driven) => call(driven, IGNORED),
  late(driven, old) {
    for (const permit of old) driven.record(permit, FAILURE);
  },
  waiting(driven) {
    driven.nowMs += 6_000;
  },
  hanging(driven) {
    for (let each = 0; each < 10; each++) driven.acquire();
    driven.nowMs += 1_500;
  },
  ...Object.fromEntries(MODES.map((mode) => [mode, (driven: Driven) => driven.force(mode)])),
};

/** A breaker in a state, and permits from before it. */
function inState(state: BreakerStateName): { driven: Driven; old: readonly number[] } {
  const driven = new Driven(RESILIENCE4J);
  const old = Array.from({ length: 10 }, () => driven.acquire());
  if (state === 'closed') {
    driven.force('closed');
    driven.force('auto');
  } else if (state === 'open') driven.toOpen();
  else if (state === 'half-open') driven.toHalfOpen();
  else driven.force(state === 'forced-open' ? 'open' : state === 'forced-closed' ? 'closed' : state);
  expect(driven.state.state).toBe(state);
  return { driven, old };
}

const [head = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));
const cells = rows.flatMap(([state, ...becomes]) =>
  // The first column is all of the states that there are.
  becomes.map((to, column) => [state as BreakerStateName, head[column]!, to === '.' ? state! : to] as const),
);

test.each(cells)('%s, %s: %s', (state, event, becomes) => {
  const { driven, old } = inState(state);
  EVENTS[event]!(driven, old);
  expect(driven.state.state).toBe(becomes);
});

test('the table has every state and every event', () => {
  expect(cells).toHaveLength(7 * 12);
  expect(new Set(head)).toEqual(new Set(Object.keys(EVENTS)));
});
