import { expect, test } from 'vitest';
import { importsOf, lineAt, maskSource } from './source-text.ts';

test('comments and the contents of strings become blanks, and every position stays where it was', () => {
  const text = "const a = 'new Date()'; // new Date()\n/* new\nDate() */ const b = new Date();";
  const masked = maskSource(text);
  expect(masked).toHaveLength(text.length);
  expect(masked.match(/new Date\(\)/g)).toHaveLength(1);
  expect(lineAt(masked, masked.indexOf('new Date()'))).toBe(3);
});

test('code inside a template expression stays code, its text does not', () => {
  const masked = maskSource('const a = `x fetch ${ b({ c: `y ${ d } fetch` }) } fetch`; e();');
  expect(masked).not.toContain('fetch');
  for (const name of ['b(', 'c:', 'd', 'e()']) expect(masked).toContain(name);
});

test('a quote in a regular expression does not open a string, a division is not a regular expression', () => {
  expect(maskSource("if (/['\"/]/.test(x)) y(); const z = 'q';")).toContain('y();');
  expect(maskSource('const r = a / b; const s = c / d; keep();')).toContain('/ b; const s = c /');
  expect(maskSource("return /'/g; keep();")).toContain('keep();');
});

test('an escaped quote does not end a string, and an unterminated one ends with its line', () => {
  expect(maskSource("a('it\\'s b'); c();")).toMatch(/a\(' +'\); c\(\);/);
  expect(maskSource("a('oops\nb();")).toContain('b();');
});

test('astral characters do not move what follows them', () => {
  expect(maskSource("a('🙂'); b();").indexOf('b()')).toBe("a('🙂'); b();".indexOf('b()'));
});

test('imports of every form are found with their lines, and those in comments and strings are not', () => {
  const text = [
    "import { a } from '@fairlead/core';",
    "import type { B } from './b.ts';",
    "import './side.ts';",
    'export { c } from "./c.ts";',
    "const d = await import('zod');",
    "// import x from 'comment'",
    'const e = "import y from \'string\'";',
    "const f = Array.from('abc');",
    "const g = import.meta.resolve('pg');",
  ].join('\n');
  expect(importsOf(text)).toEqual([
    { specifier: '@fairlead/core', line: 1 },
    { specifier: './b.ts', line: 2 },
    { specifier: './side.ts', line: 3 },
    { specifier: './c.ts', line: 4 },
    { specifier: 'zod', line: 5 },
    { specifier: 'pg', line: 9 },
  ]);
});
