import { virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { gatheredLines } from './gathered-lines.ts';

function world() {
  const clock = virtualClock();
  const writes: string[] = [];
  return { clock, writes, lines: gatheredLines({ write: (text) => writes.push(text), clock }) };
}

test('lines of a turn are written in one go, in their order', async () => {
  const { clock, writes, lines } = world();
  lines.write('one\n');
  lines.write('two\n');
  expect(writes).toEqual([]);
  await clock.advance(1);
  expect(writes).toEqual(['one\ntwo\n']);
  lines.write('three\n');
  await clock.advance(1);
  expect(writes).toEqual(['one\ntwo\n', 'three\n']);
});

test('a flush writes at once, and nothing is written twice', async () => {
  const { clock, writes, lines } = world();
  lines.flush();
  lines.write('one\n');
  lines.flush();
  await clock.advance(1);
  expect(writes).toEqual(['one\n']);
});

test('many characters don’t wait', () => {
  const { writes, lines } = world();
  for (let line = 0; line < 70; line += 1) lines.write(`${'x'.repeat(999)}\n`);
  expect(writes).toHaveLength(1);
});

test('who can’t write any more ends nobody’s work', async () => {
  const clock = virtualClock();
  const lines = gatheredLines({
    write() {
      throw new Error('the disk is full');
    },
    clock,
  });
  lines.write('one\n');
  await clock.advance(1);
  expect(() => lines.flush()).not.toThrow();
});
