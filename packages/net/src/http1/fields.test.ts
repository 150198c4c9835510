import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fields } from './fields.ts';

const name = fc.constantFrom('accept', 'cookie', 'x-a', 'x-b');
const spelled = fc.tuple(name, fc.boolean()).map(([each, isUpper]) => (isUpper ? each.toUpperCase() : each));
const blanks = fc.constantFrom('', ' ', '\t ');
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,5}[!-~])?)?$/);

test('a field is the same whether lines are looked through or have been taken apart', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(spelled, blanks, value, blanks)), fc.array(name), (came, asked) => {
      const lines = came.map(([each, before, said, after]) => `${each}:${before}${said}${after}\r\n`).join('');
      const fields = new Fields(lines);
      const apart = new Fields(new Fields(lines).list);
      for (const each of asked) expect(fields.get(each)).toBe(apart.get(each));
    }),
  );
});
