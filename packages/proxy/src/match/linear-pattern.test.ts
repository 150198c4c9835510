import { expect, test } from 'vitest';
import { linearPattern, patternFault } from './linear-pattern.ts';

test.each([
  ['/a/.*', '/a/'],
  ['^/a/b$', '/a/b'],
  ['/ab?', '/a'],
  ['/ab*', '/a'],
  ['/ab{2}', '/a'],
  ['/ab+', '/ab'],
  ['/a|/b', ''],
  ['/(?:a|b)', ''],
  ['(?i)/a', ''],
  ['/a\\.b', '/a'],
  ['', ''],
])('what matches %s begins with %j', (source, literal) => expect(linearPattern(source).literal).toBe(literal));

test.each([
  ['/a+', '/aaa', true],
  ['/a+', '/aaab', false],
  ['/a+', 'x/aaa', false],
  ['^/a$', '/a', true],
  ['a|b', 'ab', false],
  ['(?i)/Yard', '/yARD', true],
  ['/[[:digit:]]+', '/42', true],
  ['.', 'é', true],
])('%s takes the whole of %j: %s', (source, text, takes) => expect(linearPattern(source).matches(text)).toBe(takes));

test.each([
  ['(a)\\1', 'refers back'],
  ['a(?=b)', 'looks ahead or behind'],
  ['(?<!a)b', 'looks ahead or behind'],
  ['[', 'missing closing ]'],
  ['a{1001}', 'invalid repeat count'],
  ['x'.repeat(1_025), 'longer than 1024'],
])('%s is refused', (source, fault) => expect(patternFault(source)).toContain(fault));

test('expressions that make others go round for ever end', () => {
  // Exponential for a backtracking matcher: this test would not end.
  const text = 'a'.repeat(8_000);
  for (const source of ['(a+)+b', '(a|aa)+b', '(.*.*.*)*b', '(a*)*b']) {
    expect(linearPattern(source).matches(text)).toBe(false);
    expect(linearPattern(source).matches(`${text}b`)).toBe(true);
  }
});
