import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkEdit, withEdits } from './edited-lines.ts';

// Some are as long as others.
const name = fc.constantFrom('accept', 'cookie', 'x-a', 'x-b', `a${'-'.repeat(34)}`);
const value = fc.stringMatching(/^[a-z]{1,5}$/);
const linesOf = (pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([each, said]) => `${each}: ${said}\r\n`).join('');

test('a field that is set comes once, as it was set; one that is left out does not come; others stay as they are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value)),
      fc.array(fc.tuple(name, fc.option(value, { nil: undefined }))),
      (came, set) => {
        const edits = new Map(set);
        const stays = came.filter(([each]) => !edits.has(each));
        const added = [...edits].flatMap(([each, said]) => (said === undefined ? [] : [[each, said] as const]));
        expect(withEdits(linesOf(came), edits)).toBe(linesOf([...stays, ...added]));
      },
    ),
  );
});

test('names are compared without their case', () => {
  expect(withEdits('X-A: 1\r\nX-B: 2\r\n', new Map([['x-a', '3']]))).toBe('X-B: 2\r\nx-a: 3\r\n');
});

test.each([
  ['x a', '1'],
  ['', '1'],
  ['x-a', '1\r\nx-b: 2'],
  ['x-a', 'a\0b'],
  ['x-a', '☃'],
])('what would break out of its line is refused: %j: %j', (field, said) => {
  expect(() => checkEdit(field, said)).toThrow(TypeError);
});
