import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { ownPath } from './own-path.ts';

const PIECES = [
  '/',
  '//',
  '\\',
  '.',
  '..',
  '@',
  ':',
  '?',
  '#',
  '%2f',
  '%5c',
  '%09',
  '\t',
  '\n',
  '\r',
  ' ',
  'http:',
  'https:',
  'javascript:',
  'evil.test',
  'a',
  '\u00e9',
  '\u2028',
  '\0',
  ';',
  '"',
  '<',
];

test('whatever somebody asks to be sent to, it is a path of this host in one line, or nothing', () => {
  const random = seededRandom('own paths');
  const pick = (count: number) => Math.floor(random.next() * count);
  let taken = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: 1 + pick(7) }, () => PIECES[pick(PIECES.length)]).join('');
    const path = ownPath(round % 2 === 0 ? text : `/${text}`);
    if (path === undefined) continue;
    taken += 1;
    expect(path).toMatch(/^\/(?![/\\])[\x21-\x7e]*$/);
    expect(new URL(path, 'https://shop.test').origin).toBe('https://shop.test');
    // Once more is the same: nothing is left that another reading would make something else of.
    expect(ownPath(path)).toBe(path);
  }
  expect(taken).toBeGreaterThan(1_000);
});
