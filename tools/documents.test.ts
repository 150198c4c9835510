import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readText, repositoryFiles, ROOT } from './repository.ts';

const documents = repositoryFiles().filter((path) =>
  /^(?:[A-Z]+\.md|docs\/.*\.md|packages\/[^/]+\/README\.md|examples\/.*\.md)$/.test(path),
);
const readme = readText(ROOT, 'README.md');

test('every relative link of a document leads to a file', () => {
  const dead = documents.flatMap((path) =>
    [...readText(ROOT, path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !existsSync(join(ROOT, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test('the index of decision records names every record, by its own title, and no other', () => {
  const records = readdirSync(join(ROOT, 'docs/adr')).filter((name) => /^\d{4}-.*\.md$/.test(name));
  const rows = records.toSorted().map((name) => {
    const title = /^# (\d+)[:.] (.+)$/m.exec(readText(ROOT, `docs/adr/${name}`));
    expect(Number(title?.[1]), `${name} begins with "# NNNN: Title"`).toBe(Number(name.slice(0, 4)));
    return `| [${name.slice(0, 4)}](${name}) | ${title?.[2]} |`;
  });
  expect(readText(ROOT, 'docs/adr/README.md').match(/^\| \[\d{4}\].*$/gm)).toEqual(rows);
});

test('the first two commands of the README are the two that a newcomer needs', () => {
  const blocks = [...readme.matchAll(/^```sh\n([^`]*)```$/gm)].map((match) => match[1]!.trim());
  expect(blocks.slice(0, 2)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
});

test('every npm script that a document or CI names exists', () => {
  const { scripts } = JSON.parse(readText(ROOT, 'package.json')) as { scripts: Record<string, string> };
  const named = [...documents, '.ci/run'].flatMap((path) =>
    [...readText(ROOT, path).matchAll(/\bnpm (?:run (?:-s )?([\w:]+)|(start|test)\b)/g)].map(
      (match) => match[1] ?? match[2]!,
    ),
  );
  expect(new Set(named).size).toBeGreaterThan(5);
  expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
});

test('the code that the README shows is code of the repository: its lines are in the file that it names, in order', () => {
  const blocks = [...readme.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)];
  expect(blocks.length).toBeGreaterThan(0);
  expect(readme.match(/^```ts$/gm)).toHaveLength(blocks.length);
  for (const [, path, code] of blocks) {
    const lines = readText(ROOT, path!)
      .split('\n')
      .map((line) => line.trim());
    let at = 0;
    for (const line of code!
      .trim()
      .split('\n')
      .map((each) => each.trim())
      .filter((each) => each !== '…')) {
      const found = lines.indexOf(line, at);
      expect(found, `${path} has no line "${line}" after line ${at}`).toBeGreaterThanOrEqual(0);
      at = found + 1;
    }
  }
});

test('the README lists the commands that fairlead has', () => {
  const commands = readdirSync(join(ROOT, 'packages/cli/src/commands'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.replace(/\.ts$/, ''));
  // A command with flags worth a row of their own has several.
  const listed = new Set([...readme.matchAll(/^\| `npx fairlead (\w+)/gm)].map((match) => match[1]!));
  expect([...listed].toSorted()).toEqual(commands.toSorted());
});

test('the licence is the whole Apache License 2.0, and every package names it', () => {
  const licence = readText(ROOT, 'LICENSE');
  for (const part of ['Version 2.0, January 2004', '9. Accepting Warranty', 'APPENDIX: How to apply'])
    expect(licence).toContain(part);
  // What `fairlead init` writes is its owner's, under a licence of theirs.
  const ours = repositoryFiles().filter((each) => /(^|\/)package\.json$/.test(each) && !each.includes('/templates/'));
  for (const path of ours) {
    expect((JSON.parse(readText(ROOT, path)) as { license?: string }).license, path).toBe('Apache-2.0');
  }
});
