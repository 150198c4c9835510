import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasRepeatedKey } from './repeated-key.ts';
import { readSource, type TextPosition } from './source-text.ts';

test.each([
  ['{"a":1,"a":2}', true],
  ['{"a":1,"\\u0061":2}', true],
  ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}', false],
  ['{"b":[{"a":1,"a":2}]}', true],
  ['{"a":"b","b":"a"}', false],
  ['{"a":["a","a"],"b":{"x":1,"y":2}}', false],
  ['{"a":"}, \\"a\\": {","b":"\\\\"}', false],
  ['{"a":{},"b":[],"a":0}', true],
  ['{"a":{"x":1,"y":2},"b":[],"a":{"x":1}}', true],
  ['{"__proto__":1,"a":":\\":"}', false],
  ['{"__proto__":1,"__proto__":{}}', true],
])('%s has a key twice: %s', (text, has) => expect(hasRepeatedKey(text, JSON.parse(text))).toBe(has));

test('no value that was written by JSON has a key twice, however it is laid out', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(hasRepeatedKey(text, JSON.parse(text))).toBe(false);
    }),
  );
});

test('JSON means the same to both parsers, and its places are where YAML finds them', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (value) => {
      const text = JSON.stringify(value, undefined, 2);
      const source = readSource(text);
      if (source.kind !== 'read') throw new Error(JSON.stringify(source.faults));
      expect(source.value).toEqual(JSON.parse(text));
      for (const [index, key] of Object.keys(JSON.parse(text) as object).entries()) {
        const { line, column } = source.locate([key], true);
        expect({ line: line > index + 1, column }).toEqual({ line: true, column: 3 });
      }
    }),
  );
});

test('a place that is not there is the nearest around it', () => {
  const source = readSource('a:\n  - b: 1\n    c:\n  - &x { d: [1, 2] }\n  - *x\n');
  if (source.kind !== 'read') throw new Error('it is sound');
  const at = (place: readonly PropertyKey[], isKey = false): string => {
    const { line, column }: TextPosition = source.locate(place, isKey);
    return `${line}:${column}`;
  };
  expect(at(['a', 0, 'b'])).toBe('2:8');
  expect(at(['a', 0, 'b'], true)).toBe('2:5');
  // An empty value has no place of its own.
  expect(at(['a', 0, 'c'])).toBe('3:5');
  expect(at(['a', 0, 'missing', 'deeper'])).toBe('2:5');
  expect(at(['a', 1, 'd', 1])).toBe('4:17');
  // Through an alias, where it was written.
  expect(at(['a', 2, 'd', 0])).toBe('4:14');
  expect(at(['z'])).toBe('1:1');
});

test('what can not be read is said in few words, with its place', () => {
  const faultsOf = (text: string) => {
    const source = readSource(text);
    return source.kind === 'read' ? [] : source.faults.map(({ message, line }) => `${line} ${message}`);
  };
  expect(faultsOf('a: 1\nb: 2\na: 3\n')).toEqual(['3 this key is there twice']);
  expect(faultsOf('a: 1\n---\na: 1\n')).toEqual(['2 another document begins; a configuration is one, without ---']);
  const deep = faultsOf('['.repeat(10_000));
  expect(deep[0]).toBe('1 is nested too deeply');
  expect(deep.length).toBeLessThanOrEqual(10);
});
