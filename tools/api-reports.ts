import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { surfaceOf } from './api-declarations.ts';
import type { Finding } from './finding.ts';
import { readText } from './repository.ts';
import { workspacesOf } from './workspaces.ts';

/** The folder of the reports, from the root. */
export const API_FOLDER = 'docs/api';

/**
 * Every package's report by its file below `docs/api`: what its entry points export, as the compiler declares it. The
 * declarations are emitted into `.cache/api`, all packages at once.
 * @throws Error when the compiler objects
 */
export function apiReports(root: string, files: readonly string[]): ReadonlyMap<string, string> {
  const out = join(root, '.cache/api');
  emitDeclarations(root, out);
  const reports = new Map<string, string>();
  for (const { name, folder, entries } of workspacesOf(root, files)) {
    if (!folder.startsWith('packages/')) continue;
    const sections = [...entries].toSorted().flatMap((entry) => {
      const file = entry === '.' ? 'index.d.ts' : `${entry.slice(2)}/index.d.ts`;
      const emitted = join(out, folder, 'src');
      if (!existsSync(join(emitted, file))) return [];
      const surface = surfaceOf(file, (path) => readFileSync(join(emitted, path), 'utf8'));
      return [
        `## ${entry === '.' ? name : `${name}${entry.slice(1)}`}`,
        '',
        '```ts',
        `${surface.trimEnd()}`,
        '```',
        '',
      ];
    });
    const title = `# ${name}`;
    const note = 'What this package exports. Written by `npm run api`; `npm run check` compares it with the code.';
    reports.set(
      `${folder.slice('packages/'.length)}.api.md`,
      `${[title, '', note, '', ...sections].join('\n').trimEnd()}\n`,
    );
  }
  return reports;
}

/** Objects to every report that differs from the code, is missing, or has lost its package. */
export function checkApiReports(root: string, files: readonly string[]): Finding[] {
  const reports = apiReports(root, files);
  const findings: Finding[] = [];
  for (const [name, report] of reports) {
    const file = `${API_FOLDER}/${name}`;
    const known = existsSync(join(root, file)) ? readText(root, file) : undefined;
    if (known === report) continue;
    const what = known === undefined ? 'there is no report of this package' : firstDifference(known, report);
    findings.push({
      file,
      line: 0,
      message: `${what}. If the change of the public surface is meant: npm run api, and commit the report`,
    });
  }
  for (const file of files) {
    const name =
      file.startsWith(`${API_FOLDER}/`) && file.endsWith('.api.md') ? file.slice(API_FOLDER.length + 1) : undefined;
    if (name !== undefined && !reports.has(name))
      findings.push({ file, line: 0, message: 'is of no package; remove it' });
  }
  return findings;
}

/** Writes every report; the names of those that changed. */
export function writeApiReports(root: string, files: readonly string[]): string[] {
  mkdirSync(join(root, API_FOLDER), { recursive: true });
  const changed: string[] = [];
  for (const [name, report] of apiReports(root, files)) {
    const path = join(root, API_FOLDER, name);
    if (existsSync(path) && readFileSync(path, 'utf8') === report) continue;
    writeFileSync(path, report);
    changed.push(name);
  }
  return changed;
}

function firstDifference(known: string, report: string): string {
  const before = known.split('\n');
  const after = report.split('\n');
  const gone = before.filter((line) => !after.includes(line));
  const come = after.filter((line) => !before.includes(line));
  const shown = [...gone.map((line) => `- ${line}`), ...come.map((line) => `+ ${line}`)].slice(0, 6);
  const more = gone.length + come.length - shown.length;
  return `the public surface has changed:\n${shown.join('\n')}${more > 0 ? `\n(${more} more lines)` : ''}`;
}

function emitDeclarations(root: string, out: string): void {
  const project = join(root, '.cache/api.json');
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(out, { recursive: true, force: true });
  const options = {
    extends: '../tsconfig.json',
    compilerOptions: { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: out },
    include: [join(root, 'packages/*/src')],
    exclude: [join(root, '**/*.test.ts'), join(root, '**/node_modules'), join(root, '**/dist')],
  };
  writeFileSync(project, JSON.stringify(options));
  const ended = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { cwd: root, encoding: 'utf8' });
  if (ended.error !== undefined) throw new Error(`tsc did not start: ${ended.error.message}; run npm ci`);
  if (ended.status !== 0)
    throw new Error(`The packages' declarations can't be emitted:\n${ended.stdout}${ended.stderr}`);
}
