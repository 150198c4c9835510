import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { deepFreeze } from './deep-freeze.ts';
import { stableHash } from './stable-hash.ts';

test('the order of keys and members that are undefined do not count; everything else does', () => {
  const hash = stableHash({ a: 1, b: { c: [1, 2], d: undefined } });
  expect(stableHash({ b: { c: [1, 2] }, a: 1 })).toBe(hash);
  expect(stableHash({ a: 1, b: { c: [2, 1] } })).not.toBe(hash);
  expect(stableHash({ a: '1', b: { c: [1, 2] } })).not.toBe(hash);
  expect(stableHash({ a: 1, b: { c: [1, 2], d: null } })).not.toBe(hash);
});

test('values that differ only where one ends and another begins have other hashes', () => {
  const values = [
    {},
    [],
    { a: [] },
    { a: [], b: [] },
    { a: 'b' },
    { a: ['b'] },
    { a: [], b: 1 },
    { a: [['b']] },
    { a: {} },
    'a',
    null,
  ];
  expect(new Set(values.map((value) => stableHash(value))).size).toBe(values.length);
  const long = Array.from({ length: 1_000 }, (_, at) => ({ b: at, a: [at] }));
  const turned = long.map(({ a, b }) => ({ a, b }));
  expect(stableHash({ list: turned })).toBe(stableHash({ list: long }));
  expect(stableHash({ list: [...long.slice(0, 999), { a: [999], b: 0 }] })).not.toBe(stableHash({ list: long }));
});

test('it is that of JSON whose keys are in order, however long its lists are', () => {
  const list = (length: number) => Array.from({ length }, (_, at) => ({ b: at, a: [at] }));
  const ordered = (length: number) => Array.from({ length }, (_, at) => ({ a: [at], b: at }));
  for (const length of [0, 1, 255, 256, 257, 1_000]) {
    const text = JSON.stringify({ a: 1, list: ordered(length) });
    expect(stableHash({ list: list(length), a: 1, none: undefined })).toBe(
      createHash('sha256').update(text).digest('hex'),
    );
  }
  expect(stableHash({})).toBe(createHash('sha256').update('{}').digest('hex'));
});

test('what is frozen is frozen all the way down, and what others own is left alone', () => {
  const clock = { now: 0, tick: () => 1 };
  class Owned {
    value = { at: 1 };
  }
  const owned = new Owned();
  const frozen = deepFreeze({ list: [{ a: 1 }], owned, clock });
  expect(Object.isFrozen(frozen.list[0])).toBe(true);
  expect(Object.isFrozen(owned.value)).toBe(false);
});

test('a key may be called as an object’s own machinery is', () => {
  const hash = (text: string) => stableHash(JSON.parse(text));
  expect(hash('{ "__proto__": { "a": 1 } }')).not.toBe(hash('{}'));
  expect(hash('{ "__proto__": { "a": 1 } }')).not.toBe(hash('{ "__proto__": { "a": 2 } }'));
});
