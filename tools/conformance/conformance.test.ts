import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cacheCases, type CacheTest } from './cache-tests.ts';
import { deck } from './deck.ts';
import { gatewayApi } from './gateway-api.ts';
import { goLiterals } from './go-literals.ts';
import { junitCases } from './h2spec.ts';
import { smuggling } from './smuggling.ts';
import { countsOf, waysOf } from './suite.ts';
import { wycheproof } from './wycheproof.ts';

/** A folder with these files, by their names. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-suite-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text, 'latin1');
  }
  return folder;
}

test('a vector passes when the filter says of it what the suite says, and fails when it does not', async () => {
  const secret = Buffer.alloc(32, 7);
  const content = [{ alg: 'HS256' }, 'no claims']
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const jws = `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  const forged = `${content}.${createHmac('sha256', 'other').update(content).digest('base64url')}`;
  const tests = [
    { jws, result: 'valid' },
    { jws: forged, result: 'invalid' },
    { jws: forged, result: 'valid' },
    { jws, result: 'invalid' },
    { jwe: 'a.b.c.d.e', result: 'valid' },
  ].map((each, at) => ({ tcId: at + 1, comment: 'own', ...each }));
  const key = { kty: 'oct', alg: 'HS256', k: secret.toString('base64url') };
  const folder = await folderOf({
    'json_web_signature_test.json': JSON.stringify({ testGroups: [{ comment: 'hs', private: key, tests }] }),
  });
  const cases = await wycheproof(folder);
  expect(cases.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'failed', 'failed', 'skipped']);
  expect(cases[2]?.why).toContain('signature');
});

test('payloads pass that are refused, or arrive as they are logged', async () => {
  const folder = await folderOf({
    refused: 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    taken: 'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    waiting: 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\nabc',
  });
  expect(countsOf(await smuggling(folder))).toEqual({ passed: 3, failed: 0, skipped: 0 });
});

test('what a cache must do passes or fails with what it depends on; what is only wished for is counted beside', () => {
  const tests: readonly CacheTest[] = [
    { id: 'base', kind: 'check' },
    { id: 'first', depends_on: ['base'] },
    { id: 'second', kind: 'required', depends_on: ['first', 'wish'] },
    { id: 'wish', kind: 'optimal' },
    { id: 'third' },
    { id: 'forgotten' },
    { id: 'elsewhere', browser_only: true },
  ];
  const cases = cacheCases(tests, {
    base: true,
    first: true,
    second: true,
    wish: ['Assertion', 'no'],
    third: ['Setup', 'x'],
  });
  expect(cases.map(({ name, outcome, why }) => [name, outcome, why])).toEqual([
    ['first', 'passed', undefined],
    ['second', 'failed', 'depends on wish'],
    ['third', 'failed', 'Setup: x'],
    ['forgotten', 'failed', 'was not run'],
    ['optimal: 0 of 1', 'skipped', 'not: wish'],
    ['check: 1 of 1', 'skipped', 'not: '],
  ]);
});

test('a report of JUnit’s form is read, with what was expected and what came', () => {
  const xml = `<testsuite><testcase package="http2/6.3" classname="Sends &quot;this&quot;" time="0.1"></testcase>
    <testcase package="http2/6.7" classname="b" time="0"><failure>GOAWAY &#xA; Timeout</failure></testcase>
    <testcase package="http2/6.9" classname="c" time="0"><skipped></skipped></testcase></testsuite>`;
  expect(junitCases(xml)).toEqual([
    { name: 'http2/6.3 Sends "this"', outcome: 'passed', why: undefined },
    { name: 'http2/6.7 b', outcome: 'failed', why: 'GOAWAY Timeout' },
    { name: 'http2/6.9 c', outcome: 'skipped', why: 'the program skips it' },
  ]);
});

test('lists that Go’s code holds are read, with texts, names of constants and what is nested', () => {
  const source = `x := []http.Expected{{
    Request: http.Request{Path: "/a\\"b", Headers: map[string]string{"Version": "one"}}, // the first
    Backend: suite.NameV1,
  }, {
    Codes: []int{302, 303},
    Call: f("x"),
  }}`;
  expect(goLiterals(source, 'http.Expected')).toEqual([
    { Request: { Path: '/a"b', Headers: { Version: 'one' } }, Backend: 'suite.NameV1' },
    { Codes: [302, 303], Call: 'f("x")' },
  ]);
});

test('an HTTPRoute is asked what its test expects, and says what is otherwise', async () => {
  const yaml = `kind: HTTPRoute
metadata: { name: own }
spec:
  parentRefs: [{ name: same-namespace }]
  rules:
  - matches: [{ path: { type: PathPrefix, value: /two }, headers: [{ name: Version, value: two }] }]
    backendRefs: [{ name: infra-backend-v2 }]
  - backendRefs: [{ name: infra-backend-v1 }]
`;
  const expectations = `[]http.ExpectedResponse{
    {Request: http.Request{Path: "/two/x", Headers: map[string]string{"Version": "two"}}, Backend: suite.InfraBackendServiceNameV2},
    {Request: http.Request{Path: "/two"}, Backend: suite.InfraBackendServiceNameV1},
    {Request: http.Request{Path: "/two"}, Backend: suite.InfraBackendServiceNameV2},
  }`;
  const folder = await folderOf({
    'tests/httproute-own.yaml': yaml,
    'tests/httproute-own.go': expectations,
    'tests/httproute-other.yaml': yaml.replace('same-namespace', 'other'),
    'tests/httproute-other.go': expectations,
  });
  const cases = await gatewayApi(folder);
  expect(cases.map(({ outcome }) => outcome).toSorted()).toEqual(['failed', 'passed', 'passed', 'skipped']);
  expect(cases.find(({ outcome }) => outcome === 'failed')?.why).toBe(
    'expected infra-backend-v2, got infra-backend-v1',
  );
});

test('files of Kong load, or are refused by line and reason, and those of others are passed over', async () => {
  const folder = await folderOf({
    'good.yaml':
      '_format_version: "3.0"\nservices: [{ name: a, url: http://a.test, routes: [{ name: r, paths: [/] }] }]\n',
    'deep/bad.yaml': 'services:\n  - { name: a, url: http://a.test, plugins: [{ name: nobody }] }\n',
    'vaults.yaml': 'vaults: [{ name: env, prefix: my, config: { prefix: MY_ } }]\n',
    'partials.yaml': 'partials: [{ name: redis, type: redis-ee, config: { host: 127.0.0.1 } }]\n',
    'rules.yaml': 'apiVersion: v1\nservices: []\n',
    'empty.yaml': '# services: []\n\n',
    'notes.md': 'services:\n',
  });
  const cases = await deck(folder);
  expect(countsOf(cases)).toEqual({ passed: 4, failed: 0, skipped: 2 });
  expect(cases.find(({ name }) => name === 'empty.yaml')?.why).toBe('holds nothing but comments');
  expect(waysOf(cases)).toEqual(
    expect.arrayContaining([
      ['loads', 3],
      ['is refused: name the plugin nobody is not known here', 1],
    ]),
  );
});
