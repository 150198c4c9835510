import { expect, test } from 'vitest';
import { accessLines } from './access-lines.ts';

test('a hundred lines a second are written, whatever their operation', () => {
  const lines = accessLines();
  const gates = [lines.of('place'), lines.of('cancel')];
  for (let at = 0; at < 1_000; at += 1) for (const gate of gates) expect(gate.pass(at * 10)).toBe(0);
  expect([...lines.omitted()]).toEqual([
    ['place', 0],
    ['cancel', 0],
  ]);
});

test('beyond them one of a hundred is, and says how many it stands for', () => {
  const lines = accessLines();
  const gate = lines.of('place');
  const written: number[] = [];
  for (let at = 0; at < 30_000; at += 1) {
    const omitted = gate.pass(at / 30);
    if (omitted !== undefined) written.push(omitted);
  }
  expect(written).toHaveLength(100 + 299);
  expect(written.slice(0, 101)).toEqual([...Array.from({ length: 100 }, () => 0), 99]);
  expect(new Set(written.slice(100))).toEqual(new Set([99]));
  expect([...lines.omitted()]).toEqual([['place', 30_000 - 399]]);
});

test('written lines and those that they stand for are all that came, across seconds', () => {
  const lines = accessLines({ firstPerSecond: 3, thenOneOf: 4 });
  const gate = lines.of('place');
  // Five in a second leave the last two out: the next second begins by saying so.
  const [first, second] = [0, 1_000].map((from) => [0, 1, 2, 3, 4].map((at) => gate.pass(from + at)));
  expect(first).toEqual([0, 0, 0, undefined, undefined]);
  expect(second).toEqual([2, 0, 0, undefined, undefined]);
  expect([...lines.omitted()]).toEqual([['place', 4]]);
});

test('operations are counted apart', () => {
  const lines = accessLines({ firstPerSecond: 1, thenOneOf: 0 });
  expect([lines.of('place').pass(0), lines.of('place').pass(0)]).toEqual([0, undefined]);
  expect(lines.of('cancel').pass(0)).toBe(0);
});

test('all operations share a thousand lines a second, and each has its first one', () => {
  const lines = accessLines();
  const gates = Array.from({ length: 2_000 }, (_, index) => lines.of(`place-${index}`));
  const written = gates.map(() => 0);
  for (let round = 0; round < 36; round += 1) {
    for (const [index, gate] of gates.entries())
      if (gate.pass(round) !== undefined) written[index] = (written[index] ?? 0) + 1;
  }
  expect(new Set(written)).toEqual(new Set([1]));
  // In the next second there is room again, and the first to come take it.
  for (const gate of gates.slice(0, 10)) expect([gate.pass(1_100), gate.pass(1_100)]).toEqual([35, 0]);
});

test('nothing is left out of everything, and with zeros nothing is written', () => {
  const everything = accessLines('everything').of('place');
  for (let at = 0; at < 1_000; at += 1) expect(everything.pass(0)).toBe(0);
  const none = accessLines({ firstPerSecond: 0, thenOneOf: 0 }).of('place');
  for (let at = 0; at < 1_000; at += 1) expect(none.pass(at * 100)).toBeUndefined();
});

test.each([
  [{ firstPerSecond: -1 }, 'accessLines.firstPerSecond is -1; give a whole number of 0 or more'],
  [{ allPerSecond: NaN }, 'accessLines.allPerSecond is NaN'],
  [{ thenOneOf: 0.5 }, 'accessLines.thenOneOf is 0.5'],
])('%o is refused', (options, message) => {
  expect(() => accessLines(options)).toThrow(message);
});
