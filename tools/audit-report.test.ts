import { expect, test } from 'vitest';
import { licenceProblems, readAudit } from './audit-report.ts';

const TODAY = '2030-01-15';
const advisory = (severity: string, id = 'GHSA-aaaa') => ({
  source: 1,
  name: 'left',
  title: 'It leaks',
  url: `https://advisories.example/${id}`,
  severity,
});
const report = (...via: unknown[]) => JSON.stringify({ vulnerabilities: { left: { via }, right: { via: ['left'] } } });

test('serious advisories are problems, the others are not', () => {
  expect(readAudit(report(advisory('moderate'), advisory('low')), [], TODAY)).toEqual({ kind: 'done', problems: [] });
  for (const severity of ['high', 'critical']) {
    const verdict = readAudit(report(advisory(severity)), [], TODAY);
    expect(verdict).toMatchObject({ kind: 'done', problems: [expect.stringContaining(`left: ${severity}: It leaks`)] });
  }
});

test('an exception stands until its day, with a reason, and while it is needed', () => {
  const found = report(advisory('high'));
  const exception = { advisory: 'GHSA-aaaa', reason: 'never reached', expires: '2030-01-16' };
  expect(readAudit(found, [exception], TODAY)).toEqual({ kind: 'done', problems: [] });
  const problems = (changed: object, text = found) => readAudit(text, [{ ...exception, ...changed }], TODAY);
  expect(problems({ expires: TODAY })).toMatchObject({
    problems: [/leaks/, /expired/].map((part) => expect.stringMatching(part)),
  });
  expect(problems({ reason: '' })).toMatchObject({
    problems: [/leaks/, /no reason/].map((part) => expect.stringMatching(part)),
  });
  expect(problems({}, report())).toMatchObject({ problems: [expect.stringMatching(/not needed any more/)] });
});

test('no report is no clean report', () => {
  expect(readAudit('', [], TODAY)).toMatchObject({ kind: 'did-not-run' });
  expect(readAudit('{"message":"405 Method Not Allowed"}', [], TODAY)).toEqual({
    kind: 'did-not-run',
    why: '405 Method Not Allowed',
  });
});

test('licences are those of the list, of production dependencies, also as a choice', () => {
  const lock = (entry: object) => JSON.stringify({ packages: { '': {}, 'node_modules/@a/b': entry } });
  for (const good of [{ license: 'MIT' }, { license: '(GPL-3.0 OR MIT)' }, { license: 'GPL-3.0', dev: true }]) {
    expect(licenceProblems(lock(good))).toEqual([]);
  }
  expect(licenceProblems(lock({ license: 'GPL-3.0' }))).toEqual([
    expect.stringContaining('@a/b has the licence GPL-3.0'),
  ]);
  expect(licenceProblems(lock({}))).toEqual([expect.stringContaining('(none)')]);
});
