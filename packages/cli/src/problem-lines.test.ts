import { expect, test } from 'vitest';
import { palette } from './colour.ts';
import { problemLines } from './problem-lines.ts';

const lines = (problem: unknown, colours = false) => problemLines(problem, palette(colours));

test('a problem document becomes sentences: what happened, where, and when to try again', () => {
  const problem = {
    code: 'INVALID_INPUT',
    title: 'Invalid input',
    detail: 'orders.placeOrder can not take this input.',
    issues: [{ path: '$.items', message: 'is missing' }],
    retryAfterMs: 1_250,
  };
  expect(lines(problem)).toEqual([
    'INVALID_INPUT: orders.placeOrder can not take this input.',
    '  $.items: is missing',
    'It may succeed in 1.3 s.',
  ]);
});

test('without a detail the title stands, and what is no problem document says nothing', () => {
  expect(lines({ code: 'GONE', title: 'Gone' })).toEqual(['GONE: Gone']);
  expect(lines('<html>')).toEqual([]);
});

test('colours come from us only: what a service says can not move the cursor', () => {
  expect(lines({ code: 'X', detail: '\u001b[2Jhello\u0007' })).toEqual(['X: hello']);
  expect(lines({ code: 'X', detail: 'hello' }, true)).toEqual(['\u001b[31mX\u001b[39m: hello']);
});
