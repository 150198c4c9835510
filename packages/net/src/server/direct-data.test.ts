import { Duplex } from 'node:stream';
import { realTurn } from '@fairlead/core';
import { expect, test } from 'vitest';
import { directData } from './direct-data.ts';

/** A socket that is given what it reads, and what it has told. */
function reading() {
  const told: string[] = [];
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const stop = directData(socket, (chunk) => told.push(chunk.toString()));
  return { socket, told, stop, push: (text: string) => socket.push(Buffer.from(text)) };
}

test('what is read is told at once, and what comes while it is paused afterwards, in its order', async () => {
  const { socket, told, push } = reading();
  push('a');
  expect(told).toEqual(['a']);
  socket.pause();
  push('b');
  push('c');
  await realTurn();
  expect(told).toEqual(['a']);
  socket.resume();
  push('d');
  await realTurn();
  push('e');
  expect(told.join('')).toBe('abcde');
  expect(told.at(-1)).toBe('e');
});

test('who is paused for long is not read any further than a stream is', () => {
  const { socket, push } = reading();
  socket.pause();
  let pushed = 0;
  while (push('x'.repeat(1_024))) pushed += 1;
  expect(pushed).toBeLessThanOrEqual(socket.readableHighWaterMark / 1_024);
});

test('its end is told, and afterwards nobody hears more', async () => {
  const { socket, told, push, stop } = reading();
  let hasEnded = false;
  socket.on('end', () => (hasEnded = true));
  push('a');
  stop();
  socket.resume();
  push('b');
  socket.push(null);
  await realTurn();
  expect(told).toEqual(['a']);
  expect(hasEnded).toBe(true);
});

test('what has come otherwise than by push is told, too', async () => {
  const { socket, told } = reading();
  socket.unshift(Buffer.from('first'));
  await realTurn();
  expect(told).toEqual(['first']);
});
