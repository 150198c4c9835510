// `node tools/ci-summary.ts <folder of reports> [step that failed …]`: the last line of a CI run and its exit code.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { summarise, type RunReport } from './test-report.ts';

const [folder = '.', ...failedSteps] = process.argv.slice(2);
const reports = new Map<string, RunReport | undefined>();
for (const step of ['test', 'int']) {
  const file = join(folder, `${step}.json`);
  // Written by vitest's json reporter a moment ago; a file that isn't there is a run that ended early.
  reports.set(step, existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunReport) : undefined);
}
const summary = summarise(reports, failedSteps);
for (const note of summary.notes) console.log(note);
console.log(`${summary.passed} passed, ${summary.failed} failed`);
process.exitCode = summary.failed > 0 ? 1 : 0;
