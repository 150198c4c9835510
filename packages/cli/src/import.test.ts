import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@fairlead/core';
import { followSnapshot, loadSnapshot, type FollowEvent } from '@fairlead/proxy';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';
import { testTerminal } from './test-terminal.ts';

const KONG = `_format_version: "3.0"
services:
  - name: users
    url: http://127.0.0.1:3001
    routes: [{ name: users, paths: [/users] }]
    plugins: [{ name: rate-limiting, config: { minute: 5 } }]
`;

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'import-test-'));
  await writeFile(join(cwd, 'kong.yaml'), KONG);
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(...args: string[]) {
  const terminal = testTerminal({ cwd });
  const code = await runCli(terminal, args);
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

test('a configuration of Kong is written as one of ours, and means the same', async () => {
  const { code, out, err } = await run('import', 'kong.yaml', '--out', 'gateway.yaml');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^kong\.yaml is a configuration of Kong; 2 things are otherwise here:\n/);
  expect(out).toContain('  kong.yaml:6: plugin rate-limiting of service users: counts exactly');
  expect(out).toMatch(/Written to gateway\.yaml\. Run it with fairlead gateway run gateway\.yaml\.\n$/);
  const hashOf = async (file: string) => /hash (\w+)/.exec((await run('gateway', 'check', file)).out)?.[1];
  expect(await hashOf('gateway.yaml')).toBe(await hashOf('kong.yaml'));
  expect(await readFile(join(cwd, 'gateway.yaml'), 'utf8')).toBe((await run('import', 'kong.yaml')).out);
  expect(JSON.parse((await run('import', 'kong.yaml', '--json')).out)).toMatchObject({
    of: 'Kong',
    notes: [{ line: 1 }, { line: 6, what: 'plugin rate-limiting of service users' }],
    written: { routes: [{ name: 'users' }] },
  });
});

test.skipIf(process.platform === 'win32')(
  'what is written may be read by its owner only, also where a file was before',
  async () => {
    const modeOf = async (file: string) => (await stat(join(cwd, file))).mode & 0o777;
    await writeFile(join(cwd, 'old.yaml'), 'x'.repeat(10_000), { mode: 0o644 });
    for (const file of ['new.yaml', 'old.yaml']) {
      expect((await run('import', 'kong.yaml', '--out', file)).code).toBe(0);
      expect(await modeOf(file)).toBe(0o600);
    }
    expect(await readFile(join(cwd, 'old.yaml'), 'utf8')).toBe(await readFile(join(cwd, 'new.yaml'), 'utf8'));
  },
);

test('check and explain take it as it is', async () => {
  const { out } = await run('gateway', 'check', 'kong.yaml');
  expect(out).toContain('kong.yaml is sound: 1 listener, 1 route, 1 cluster');
  expect(out).toContain('kong.yaml is a configuration of Kong');
  expect(JSON.parse((await run('gateway', 'check', 'kong.yaml', '--json')).out)).toMatchObject({
    imported: { of: 'Kong' },
  });
  expect((await run('route', 'explain', 'GET http://a.test/usersabc', '--config', 'kong.yaml')).out).toContain('users');
});

test('what has no place is told by line, and nothing is written', async () => {
  await writeFile(
    join(cwd, 'kong.yaml'),
    `${KONG}      - { name: post-function }\n`
      .replace('[{ name: rate', '\n      - { name: rate')
      .replace('} }]\n', '} }\n'),
  );
  for (const command of [
    ['import', 'kong.yaml', '--out', 'gateway.yaml'],
    ['gateway', 'check', 'kong.yaml'],
  ]) {
    const { code, out, err } = await run(...command);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/kong\.yaml:8:\d+: .*runs code, which has no place at the edge/);
  }
  await expect(readFile(join(cwd, 'gateway.yaml'))).rejects.toThrow(/ENOENT/);
});

test('a file that has become wrong leaves the last good one at work', async () => {
  const clock = virtualClock();
  const file = join(cwd, 'kong.yaml');
  const snapshot = await loadSnapshot(file, { clock });
  const events: FollowEvent[] = [];
  let taken = 0;
  await using followed = await followSnapshot({
    hash: snapshot.hash,
    clock,
    look: () => readFile(file, 'utf8'),
    load: () => loadSnapshot(file, { clock, origin: 'kong.yaml' }),
    take: async () => void (taken += 1),
    onEvent: (event) => events.push(event),
  });
  await writeFile(file, KONG.replace('minute: 5', 'minute: 5, hour: 1'));
  await followed.reload();
  await writeFile(file, KONG.replace('minute: 5', 'minute: 6'));
  await followed.reload();
  expect(events.map(({ kind }) => kind)).toEqual(['kept', 'taken']);
  expect(String(events[0]?.kind === 'kept' && events[0].error)).toContain('is 1, below the 5 of one minute');
  expect(taken).toBe(1);
});
