import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'reference', 'errors.md'), 'utf8');

test('every code of every package is on the page, with its kind', () => {
  const files = globSync('packages/*/src/errors.ts', { cwd: root });
  const codes = files.flatMap((file) => [
    ...readFileSync(join(root, file), 'utf8').matchAll(/^ {2}([A-Z_]+): '([a-z-]+)',$/gm),
  ]);
  expect(codes.length).toBeGreaterThan(60);
  const missing = codes.filter(([, code, kind]) => !page.includes(`| \`${code}\` | ${kind} |`));
  expect(missing.map(([, code]) => code)).toEqual([]);
});

test('every kind of bad input names a test that there is', () => {
  const named = [...page.matchAll(/\| \[([^\]]+)\]\(\.\.\/\.\.\/([^)]+)\) \|$/gm)];
  expect(named.length).toBeGreaterThanOrEqual(20);
  for (const [, title = '', file = ''] of named) {
    const source = readFileSync(join(root, file), 'utf8');
    expect([title, source.includes(`'${title}`) || source.includes(`"${title}`)]).toEqual([title, true]);
  }
});
