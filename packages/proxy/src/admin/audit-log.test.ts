import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { seededRandom, virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { folder } from './admin.fixture.ts';
import { openAuditLog, type AuditLine } from './audit-log.ts';

const ENTRY = { action: 'purgeCache', who: 'ann', from: '10.0.0.1', target: { all: true } };

async function opened(file: string | undefined) {
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const telemetry = recordingTelemetry({ clock });
  const audit = await openAuditLog({ file, telemetry, clock, random: seededRandom('audit') });
  onTestFinished(() => audit.close());
  return { audit, clock, telemetry };
}

/** The lines of a file, each read. */
async function linesIn(file: string): Promise<readonly AuditLine[]> {
  const text = await readFile(file, 'utf8');
  // `as`: the lines that the log writes.
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditLine);
}

test('a change is in the file before it is made, and its outcome after it, for its owner’s eyes only', async () => {
  const file = join(await folder(), 'audit.jsonl');
  const { audit } = await opened(file);
  const id = await audit.asked(ENTRY);
  expect(await linesIn(file)).toEqual([{ ...ENTRY, at: '2030-01-01T00:00:00.000Z', id, outcome: 'asked' }]);
  await audit.ended(id, ENTRY, 'done');
  expect((await linesIn(file)).map(({ outcome }) => outcome)).toEqual(['asked', 'done']);
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
});

test('lines are added to those that are there', async () => {
  const file = join(await folder(), 'audit.jsonl');
  for (let at = 0; at < 3; at += 1) await (await opened(file)).audit.asked(ENTRY);
  expect(await linesIn(file)).toHaveLength(3);
});

test('changes of one moment are each a whole line', async () => {
  const file = join(await folder(), 'audit.jsonl');
  const { audit } = await opened(file);
  await Promise.all(Array.from({ length: 200 }, (_, at) => audit.asked({ ...ENTRY, who: `${at}-${'x'.repeat(500)}` })));
  const lines = await linesIn(file);
  expect(new Set(lines.map(({ who }) => who)).size).toBe(200);
  expect(audit.recent).toHaveLength(100);
});

test.runIf(existsSync('/dev/full'))('what can not be written down is not done', async () => {
  // Writing there always fails: no space is left on that device.
  const { audit, telemetry } = await opened('/dev/full');
  await expect(audit.asked(ENTRY)).rejects.toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
  expect(JSON.stringify(telemetry.logs)).toContain('the audit log can not be written');
});

test('those without the credential fill no disk, and how many there were is written down', async () => {
  const file = join(await folder(), 'audit.jsonl');
  const { audit, clock } = await opened(file);
  for (let at = 0; at < 1_000; at += 1) await audit.refused(ENTRY, 'CREDENTIAL_WRONG');
  expect(await linesIn(file)).toHaveLength(10);
  await clock.advance(1_000);
  await audit.refused(ENTRY, 'CREDENTIAL_WRONG');
  expect((await linesIn(file)).at(-1)).toMatchObject({ outcome: 'CREDENTIAL_WRONG', target: { unwritten: 990 } });
});

test('what a change is about is written without secrets', async () => {
  const { audit } = await opened(undefined);
  await audit.asked({ ...ENTRY, target: { url: 'https://me:hunter2@shop.test/', password: 'hunter2' } });
  expect(JSON.stringify(audit.recent)).not.toContain('hunter2');
});

test('a process that is killed has written down all that it had announced', async () => {
  const home = await folder();
  const file = join(home, 'audit.jsonl');
  const script = join(home, 'asks.ts');
  await writeFile(
    script,
    `import { realClock, realRandom } from ${JSON.stringify(import.meta.resolve('@fairlead/core'))};
import { noTelemetry } from ${JSON.stringify(import.meta.resolve('@fairlead/telemetry'))};
import { openAuditLog } from ${JSON.stringify(join(import.meta.dirname, 'audit-log.ts'))};
const audit = await openAuditLog({ file: ${JSON.stringify(file)}, telemetry: noTelemetry(), clock: realClock(), random: realRandom() });
for (;;) console.log(await audit.asked({ action: 'purgeCache', who: 'ann', from: 'unix', target: {} }));
`,
  );
  const child = spawn(process.execPath, ['--conditions=@fairlead/source', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const announced: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    announced.push(line);
    if (announced.length === 50) child.kill('SIGKILL');
  }
  if (child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  const text = await readFile(file, 'utf8');
  // The last line may have been cut short; whoever asked for it has not been answered.
  const ids = text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as AuditLine).id);
  expect(announced.length).toBeGreaterThanOrEqual(50);
  expect(ids).toEqual(expect.arrayContaining(announced));
});
