import { virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { busyClock } from './busy-clock.fixture.ts';
import { TurnClock } from './turn-clock.ts';

test('a stamp is given for one look until the turn ends, and is no older than 32 askers', () => {
  const busy = busyClock();
  const turn = new TurnClock(busy.clock);
  turn.willEnd();
  const given = Array.from({ length: 70 }, () => {
    busy.busyFor(1);
    return turn.stampMs();
  });
  expect([...new Set(given)]).toEqual([1, 34, 67]);
  expect(busy.looks).toBe(3);
  turn.end();
  expect(turn.stampMs()).toBe(70);
});

test('where nobody says when the turn ends, every look is one', () => {
  const busy = busyClock();
  const turn = new TurnClock(busy.clock);
  for (let look = 1; look <= 5; look++) {
    busy.busyFor(1);
    expect([turn.stampMs(), turn.isExact]).toEqual([look, true]);
  }
});

test('whoever asks for the time gets it, and others its stamp from then on', () => {
  const busy = busyClock();
  const turn = new TurnClock(busy.clock);
  turn.willEnd();
  const seen: unknown[] = [];
  const note = (ms: number): unknown => seen.push([ms, turn.isExact]);
  note(turn.stampMs());
  busy.busyFor(5);
  note(turn.stampMs());
  note(turn.nowMs());
  busy.busyFor(5);
  note(turn.stampMs());
  turn.renew();
  note(turn.stampMs());
  expect(seen).toEqual([
    [0, true],
    [0, false],
    [5, true],
    [5, false],
    [10, true],
  ]);
});

test('on a clock that is stepped a stamp is the time', async () => {
  const clock = virtualClock();
  const turn = new TurnClock(clock);
  turn.willEnd();
  clock.setTimer(7, () => {});
  clock.setTimer(9, () => {});
  const given = [turn.stampMs()];
  while (clock.runNext()) given.push(turn.stampMs());
  expect(given).toEqual([0, 7, 9]);
});

test('whatever is asked when, what is given is never later than the time, never from before the turn, and never goes back', () => {
  const step = fc.record({
    asks: fc.constantFrom('stampMs', 'nowMs', 'willEnd', 'renew', 'end'),
    busyMs: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const busy = busyClock();
      const turn = new TurnClock(busy.clock);
      let latestMs = 0;
      let turnMs = 0;
      let stamps = 0;
      for (const { asks, busyMs } of steps) {
        busy.busyFor(busyMs);
        const given = turn[asks]();
        const timeMs = busy.clock.monotonic();
        if (asks === 'end') turnMs = timeMs;
        if (given === undefined) continue;
        expect(given).toBeLessThanOrEqual(timeMs);
        expect(given).toBeGreaterThanOrEqual(Math.max(latestMs, turnMs));
        if (turn.isExact) expect(given).toBe(timeMs);
        stamps = turn.isExact ? 0 : stamps + 1;
        expect(stamps).toBeLessThanOrEqual(32);
        latestMs = given;
      }
    }),
    { numRuns: 300 },
  );
});
