import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBaggage, parseBaggage } from './baggage.ts';

test('members are read with their values decoded and their properties left out', () => {
  expect(parseBaggage(' ring = canary ; secure , user=Ad%C3%A9le,empty=')).toEqual({
    ring: 'canary',
    user: 'Adéle',
    empty: '',
  });
});

test('malformed members are left out and the others stay', () => {
  expect(parseBaggage('plain,=x,a b=1,bad=%zz,quote="x",good=1')).toEqual({ good: '1' });
  expect(parseBaggage(undefined)).toEqual({});
});

test('a name that means something to JavaScript is an entry like any other', () => {
  const baggage = parseBaggage('__proto__=x,constructor=y');
  expect(Object.keys(baggage)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(baggage)).toBe(Object.prototype);
});

test('no more than 64 members and 8 192 bytes are read', () => {
  const many = Array.from({ length: 70 }, (_, i) => `k${i}=1`).join(',');
  expect(Object.keys(parseBaggage(many))).toHaveLength(64);
  const long = `a=1,b=${'x'.repeat(8192)},c=2`;
  expect(parseBaggage(long)).toEqual({ a: '1' });
});

test('no more than 64 members and 8 192 bytes are written', () => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, '1']));
  expect(formatBaggage(many)?.split(',')).toHaveLength(64);
  const header = formatBaggage({ a: '1', b: 'x'.repeat(8000), c: 'y'.repeat(300) });
  expect(header?.length).toBeLessThanOrEqual(8192);
  expect(formatBaggage({})).toBeUndefined();
  expect(formatBaggage({ 'not a token': 'x' })).toBeUndefined();
});

test('any text survives the way', () => {
  const entry = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: 'grapheme', maxLength: 20 }), {
    maxKeys: 8,
  });
  fc.assert(
    fc.property(entry, (baggage) => {
      expect(parseBaggage(formatBaggage(baggage))).toEqual({ ...baggage });
    }),
  );
});
