// `npm run check [-- name …]`: every check of the repository, one line each, all of them even when one fails.
//
// source-text.ts        what a file says without comments and strings, and what it imports
// repository.ts         which files are the repository
// workspaces.ts         its packages, as their package.json tells them
// layers.ts             the wall between packages
// lockfile.ts          whether npm ci works elsewhere
// repository-rules.ts   lengths, names, index files, ambient time, machine paths, package hosts
// api-reports.ts       whether docs/api says what the packages export
// steps.ts             runs the steps and says how each ended
// finding.ts            what a check of ours reports

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkApiReports } from './api-reports.ts';
import { printFinding, type Finding } from './finding.ts';
import { checkLayers } from './layers.ts';
import { checkLockfile } from './lockfile.ts';
import { repositoryFiles, ROOT } from './repository.ts';
import { checkRepositoryRules } from './repository-rules.ts';
import { runSteps, type Step } from './steps.ts';

const STEPS: readonly Step[] = [
  { name: 'types', run: () => command('tsc', ['-p', 'tsconfig.json']) },
  { name: 'lint', run: () => command('oxlint', ['--deny-warnings']) },
  { name: 'format', run: () => command('oxfmt', ['--check']) },
  { name: 'unused', run: () => command('knip', ['--no-progress', '--no-config-hints']) },
  { name: 'layers', run: () => findings(checkLayers(ROOT, repositoryFiles())) },
  { name: 'api', run: () => findings(checkApiReports(ROOT, repositoryFiles())) },
  { name: 'lockfile', run: () => findings(checkLockfile(ROOT, repositoryFiles())) },
  { name: 'rules', run: () => findings(checkRepositoryRules(ROOT, repositoryFiles())) },
];

process.exitCode = runSteps(STEPS, process.argv.slice(2), {
  now: () => performance.now(),
  print: (line) => console.log(line),
});

/** Runs a tool of node_modules; its output when it fails. */
function command(name: string, args: readonly string[]): string {
  const ended = spawnSync(join(ROOT, 'node_modules', '.bin', name), args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  if (ended.error !== undefined) return `${name} did not start: ${ended.error.message}; run npm ci`;
  if (ended.status === 0) return '';
  const text = `${ended.stdout}${ended.stderr}`.trim();
  return text === '' ? `${name} ended with ${ended.signal ?? `code ${ended.status}`} and said nothing` : text;
}

function findings(found: readonly Finding[]): string {
  return found.map(printFinding).join('\n');
}
