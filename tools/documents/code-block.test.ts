import { expect, test } from 'vitest';
import { codeBlocks, misfit } from './code-block.ts';

test('blocks come with language, title, words and line, and keep their text', () => {
  const markdown = 'Text\n\n```ts title="a/b.ts"\nconst a = 1;\n\n```\n```sh background\nrun\n```\n';
  expect(codeBlocks(markdown)).toEqual([
    { language: 'ts', title: 'a/b.ts', words: [], text: 'const a = 1;\n\n', line: 3 },
    { language: 'sh', title: undefined, words: ['background'], text: 'run\n', line: 7 },
  ]);
});

test('an ellipsis stands for any text of a line, and alone for any lines', () => {
  expect(misfit('took … ms\n', 'took 12 ms\n')).toBeUndefined();
  expect(misfit('first\n…\nlast\n', 'first\n2\n3\nlast\n')).toBeUndefined();
  expect(misfit('first\n…\n', 'first\n2\n')).toBeUndefined();
});

test('what is not there, in another place, or too much is a misfit', () => {
  expect(misfit('one\ntwo\n', 'one\nthree\n')).toBe('two');
  expect(misfit('two\n', 'one\ntwo\n')).toBe('two');
  expect(misfit('one\n', 'one\ntwo\n')).toBe('(no more lines)');
  expect(misfit('a.c\n', 'abc\n')).toBe('a.c');
});
