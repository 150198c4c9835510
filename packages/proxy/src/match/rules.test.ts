import { expect, test } from 'vitest';
import { addressBlocks, blockFault } from './address-blocks.ts';
import { pointerSteps, valueAt } from './json-pointer.ts';
import { textRuleWords, textTest, valueRuleWords, valueTest } from './text-rule.ts';

test('a text must fit all that a rule says', () => {
  const both = textTest({ prefix: 'a', regex: '[a-c]+' });
  expect(['abc', 'ad', 'bc'].map((text) => both(text))).toEqual([true, false, false]);
  expect([undefined, ''].map(textTest({}))).toEqual([false, true]);
  expect([undefined, ''].map(textTest({ present: false }))).toEqual([true, false]);
  expect(textTest({ exact: '' })(undefined)).toBe(false);
});

test('a list of values fits when one of its entries does', () => {
  const gold = valueTest({ oneOf: ['gold', 7, null] });
  expect(['gold', 7, null, ['tin', 'gold'], '7', [], {}, undefined].map((each) => gold(each))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(valueTest({ regex: 'g.*' })(['gold'])).toBe(true);
  expect(valueTest({ present: true })(null)).toBe(true);
  expect(valueTest({ present: false })(undefined)).toBe(true);
});

test('rules read as sentences', () => {
  expect(textRuleWords({ exact: 'x' })).toBe('is "x"');
  expect(textRuleWords({ prefix: 'x', regex: 'x.*' })).toBe('begins with "x" and matches x.*');
  expect(textRuleWords({ oneOf: ['a', 'b'] })).toBe('is one of "a", "b"');
  expect([textRuleWords({}), textRuleWords({ present: false })]).toEqual(['is there', 'is absent']);
  expect(valueRuleWords({ oneOf: ['a', 7] })).toBe('is "a" or 7');
  expect(valueRuleWords({ present: false })).toBe('is absent');
});

test('pointers lead into documents', () => {
  const document = { a: [{ 'b/c': 1, '~': 2 }], '': 3 };
  const at = (pointer: string) => valueAt(document, pointerSteps(pointer) ?? ['no pointer']);
  expect(at('/a/0/b~1c')).toBe(1);
  expect(at('/a/0/~0')).toBe(2);
  expect(at('/')).toBe(3);
  expect(at('')).toBe(document);
  expect([at('/a/00'), at('/a/length'), at('/a/1'), at('/toString'), at('/a/0/b~1c/x')]).toEqual(
    Array(5).fill(undefined),
  );
  expect([pointerSteps('a'), pointerSteps('/~2')]).toEqual([undefined, undefined]);
});

test('blocks hold addresses of their family', () => {
  const blocks = addressBlocks(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
  expect(['10.255.0.1', '::ffff:10.0.0.1', '192.0.2.7', '2001:db8:1::1'].map((address) => blocks.has(address))).toEqual(
    [true, true, true, true],
  );
  expect(['11.0.0.1', '192.0.2.8', '2001:db9::1', 'localhost', ''].map((address) => blocks.has(address))).toEqual(
    Array(5).fill(false),
  );
  expect(['10.0.0.0/8', '::/0'].map(blockFault)).toEqual([undefined, undefined]);
  for (const wrong of ['10.0.0/8', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', 'a', ''])
    expect(blockFault(wrong)).toContain('is neither an address nor a CIDR block');
});
