// `node tools/audit.ts`: known weaknesses and licences of what published packages depend on. Ends with 1 for a serious
// advisory without a standing exception (audit-exceptions.json) or a licence that is not on the list. A registry that
// does not answer audits is no weakness: the run says loudly that this half did not happen, and does not fail.
import { spawnSync } from 'node:child_process';
import { licenceProblems, readAudit, type AuditException } from './audit-report.ts';
import { readText, ROOT } from './repository.ts';

const ended = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
const exceptions = JSON.parse(readText(ROOT, 'tools/audit-exceptions.json')) as AuditException[];
const verdict = readAudit(ended.stdout ?? '', exceptions, new Date().toISOString().slice(0, 10));
const licences = licenceProblems(readText(ROOT, 'package-lock.json'));

if (verdict.kind === 'did-not-run') {
  console.log(
    `WARNING: the dependency audit DID NOT RUN: ${verdict.why.replaceAll(/https?:\/\/\S+/g, 'the registry')}`,
  );
  console.log('WARNING: known weaknesses were not looked for. Run it where the registry answers: node tools/audit.ts');
} else {
  console.log(verdict.problems.length === 0 ? 'ok      advisories' : 'FAILED  advisories');
  for (const problem of verdict.problems) console.log(`        ${problem}`);
}
console.log(licences.length === 0 ? 'ok      licences' : 'FAILED  licences');
for (const problem of licences) console.log(`        ${problem}`);
if (licences.length > 0 || (verdict.kind === 'done' && verdict.problems.length > 0)) process.exitCode = 1;
