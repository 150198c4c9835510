import { virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { followSnapshot, type FollowEvent } from './follow-snapshot.ts';
import { readYard, yardWith } from './yard.fixture.ts';

/** A file in memory, and an engine that only counts. */
async function yard() {
  const clock = virtualClock();
  const file = { text: yardWith('  - { name: a, to: orders }'), look: '1' };
  const told: string[] = [];
  const taken: string[] = [];
  let refuses: Error | undefined;
  const say = (event: FollowEvent): void => {
    if (event.kind === 'kept')
      told.push(`kept: ${event.error instanceof Error ? event.error.message.split('\n')[0] : ''}`);
    else told.push(event.kind);
  };
  const followed = await followSnapshot({
    hash: readYard(file.text).hash,
    clock,
    look: async () => {
      if (file.look === 'gone') throw new Error('gone');
      return file.look;
    },
    load: async () => readYard(file.text),
    take: async (snapshot) => {
      if (refuses !== undefined) throw refuses;
      taken.push(snapshot.routes.map(({ name }) => name).join(' '));
    },
    onEvent: say,
  });
  return {
    clock,
    followed,
    told,
    taken,
    write(text: string, look: string) {
      file.text = text;
      file.look = look;
    },
    refuse(error: Error | undefined) {
      refuses = error;
    },
  };
}

test('what was written is taken when it has looked the same twice', async () => {
  const { clock, followed, told, taken, write } = await yard();
  await clock.advance(5_000);
  expect(told).toEqual([]);
  write(yardWith('  - { name: b, to: orders }'), '2');
  await clock.advance(500);
  expect(taken).toEqual([]);
  await clock.advance(500);
  expect(taken).toEqual(['b']);
  expect(told).toEqual(['taken']);
  await clock.advance(5_000);
  expect(told).toEqual(['taken']);
  await followed.close();
});

test('one that can not be used is told once, and the last good one stays until it is mended', async () => {
  const { clock, followed, told, taken, write } = await yard();
  write(yardWith('  - { name: b, to: nobody }'), '2');
  await clock.advance(5_000);
  expect(told).toEqual(['kept: yard.yaml has one problem:']);
  write(yardWith('  - { name: b, to: canary }'), '3');
  await clock.advance(1_000);
  expect(taken).toEqual(['b']);
  await followed.close();
});

test('one that the engine refuses is not at work: the same text is tried again when it is asked for', async () => {
  const { clock, followed, told, taken, write, refuse } = await yard();
  refuse(new Error('The port is taken.'));
  write(yardWith('  - { name: b, to: orders }'), '2');
  await clock.advance(1_000);
  refuse(undefined);
  await followed.reload();
  expect(told).toEqual(['kept: The port is taken.', 'taken']);
  expect(taken).toEqual(['b']);
  await followed.close();
});

test('what means the same is left at work', async () => {
  const { clock, followed, told, taken, write } = await yard();
  write(yardWith('  # The same\n  - { name: a, to: orders, timeout: 10s }'), '2');
  await clock.advance(1_000);
  expect(told).toEqual(['same']);
  expect(taken).toEqual([]);
  await followed.close();
});

test('a file that is away for a moment is looked for again', async () => {
  const { clock, followed, told, write } = await yard();
  write('', 'gone');
  await clock.advance(5_000);
  expect(told).toEqual([]);
  write(yardWith('  - { name: b, to: orders }'), '2');
  await clock.advance(1_500);
  expect(told).toEqual(['taken']);
  await followed.close();
});

test('after its end it looks no more', async () => {
  const { clock, followed, told, write } = await yard();
  await followed.close();
  write(yardWith('  - { name: b, to: orders }'), '2');
  await clock.advance(5_000);
  expect(told).toEqual([]);
});
