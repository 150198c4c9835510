import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './repository.ts';
import { summarise, type RunReport } from './test-report.ts';
import { temporaryTree } from './testing/temporary-tree.ts';

const run = (passed: number, failed: number, files: RunReport['testResults'] = []): RunReport => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults: files,
});

test('the numbers of both runs are added', () => {
  const reports = new Map([
    ['test', run(10, 1)],
    ['int', run(4, 2)],
  ]);
  expect(summarise(reports, ['test', 'int'])).toEqual({ passed: 14, failed: 3, notes: [] });
});

test('a step that fails without a failing test counts once', () => {
  expect(summarise(new Map([['test', run(10, 0)]]), ['check', 'test'])).toEqual({
    passed: 10,
    failed: 2,
    notes: ['check failed', 'test failed'],
  });
});

test('a test file that could not be loaded counts once, one with failing tests only by its tests', () => {
  const files = [
    { name: 'a.test.ts', status: 'failed', assertionResults: [] },
    { name: 'b.test.ts', status: 'failed', assertionResults: [{ status: 'failed' }] },
  ];
  expect(summarise(new Map([['test', run(3, 1, files)]]), ['test'])).toEqual({
    passed: 3,
    failed: 2,
    notes: ['test: a.test.ts did not run'],
  });
});

test('a run without a report and a run without tests are failures', () => {
  expect(summarise(new Map([['int', undefined]]), ['int'])).toMatchObject({ passed: 0, failed: 1 });
  expect(summarise(new Map([['test', run(0, 0)]]), [])).toMatchObject({ passed: 0, failed: 1 });
});

test('skipped tests are told', () => {
  expect(summarise(new Map([['int', { ...run(2, 0), numPendingTests: 1 }]]), [])).toEqual({
    passed: 2,
    failed: 0,
    notes: ['int: 1 skipped'],
  });
});

test('the last line is the sum, and a failure is the exit code', () => {
  using tree = temporaryTree({ 'test.json': run(3, 0), 'int.json': run(2, 1) });
  const ended = spawnSync(process.execPath, [join(ROOT, 'tools/ci-summary.ts'), tree.root, 'int'], {
    encoding: 'utf8',
  });
  expect(ended.stdout.trimEnd().split('\n').at(-1)).toBe('5 passed, 1 failed');
  expect(ended.status).toBe(1);
});
