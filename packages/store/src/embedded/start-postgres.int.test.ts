import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startPostgres, type EmbeddedPostgres } from './start-postgres.ts';
import {
  alive,
  children,
  ask,
  cluster,
  directory,
  ended,
  isRoot,
  options,
  startElsewhere,
} from './testing/elsewhere.fixture.ts';

test('two clusters from one template have different passwords', async () => {
  const other = { ...options(), dataDir: join(directory, 'other'), socketDir: join(directory, 'o') };
  mkdirSync(other.socketDir);
  await using _one = await startPostgres(options());
  await using _two = await startPostgres(other);
  const password = (dataDir: string): string => readFileSync(join(dataDir, 'secrets', 'postgres-superuser'), 'utf8');
  expect(password(options().dataDir)).not.toBe(password(other.dataDir));
});

test('a pid in postmaster.pid that has become somebody else is left alone', async () => {
  const server = await startPostgres(options());
  await server.close();
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  children.push(bystander);
  writeFileSync(join(cluster(), 'postmaster.pid'), `${bystander.pid}\n${cluster()}\n1\n5432\n.\n\n0 0\nready\n`, {
    mode: 0o600,
  });
  if (isRoot) chownSync(join(cluster(), 'postmaster.pid'), statSync(cluster()).uid, statSync(cluster()).gid);
  const started = await startPostgres(options()).catch((error: unknown) => error);
  expect(bystander.exitCode === null && alive(bystander.pid ?? 0)).toBe(true);
  if (!(started instanceof Error)) await (started as EmbeddedPostgres).close();
});

test('a directory of another major version is refused with the way to move it', async () => {
  const server = await startPostgres(options());
  await server.close();
  writeFileSync(join(cluster(), 'PG_VERSION'), '15\n');
  await expect(startPostgres(options())).rejects.toThrow(/Postgres 15.*fairlead db backup.*fairlead db restore/s);
});

test('a first start that was cut off before the password was set goes on where it stopped', async () => {
  const server = await startPostgres(options());
  const admin = readFileSync(join(directory, 'data', 'secrets', 'postgres-superuser'), 'utf8').trim();
  // As a crash leaves it: the password is set, the note about the first one still there.
  await server.close();
  writeFileSync(join(cluster(), 'fairlead.initial-password'), 'the-template-had-this', { mode: 0o600 });
  await using again = await startPostgres(options());
  expect(again.adminUrl).toContain(admin);
  expect(existsSync(join(cluster(), 'fairlead.initial-password'))).toBe(false);
});

test('a copy of the binaries that was damaged is made again', async () => {
  const cacheDir = join(directory, 'cache');
  chmodSync(directory, 0o755);
  await (await startPostgres({ ...options(), cacheDir })).close();
  const [name = ''] = readdirSync(cacheDir).filter((entry) => entry.startsWith('postgres-'));
  const program = join(cacheDir, name, 'bin', 'postgres');
  const { size } = statSync(program);
  writeFileSync(program, 'not a program');
  rmSync(
    join(
      cacheDir,
      name,
      'lib',
      readdirSync(join(cacheDir, name, 'lib')).find((entry) => entry.startsWith('libpq.so')) ?? '',
    ),
  );
  await (await startPostgres({ ...options(), cacheDir })).close();
  expect(statSync(program).size).toBe(size);
});

test('several first starts at once share one cache', async () => {
  const cacheDir = join(directory, 'cache');
  chmodSync(directory, 0o755);
  const servers = await Promise.all(
    ['a', 'b', 'c'].map((name) => {
      const socketDir = join(directory, name);
      mkdirSync(socketDir);
      return startPostgres({ ...options(), dataDir: join(directory, `data-${name}`), socketDir, cacheDir });
    }),
  );
  const answers = await Promise.all(servers.map((server) => ask(server, 'select 1 as one')));
  expect(answers).toEqual([[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]]);
  await Promise.all(servers.map((server) => server.close()));
  expect(readdirSync(cacheDir).toSorted()).toEqual([
    expect.stringMatching(/^postgres-[\d.a-z-]+$/),
    expect.stringMatching(/^template-[\d.a-z-]+$/),
  ]);
});

test.runIf(process.platform === 'linux')(
  'an ordinary user runs it as itself, with nothing but its own home',
  async ({ skip }) => {
    if (!isRoot) skip('SKIPPED: needs root to become another user');
    // A uid without a name can't run initdb, so one that every system has.
    const uid = 2;
    const become = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
    const mayRead = [...become.slice(1), 'test', '-r', fileURLToPath(import.meta.url)];
    if (spawnSync('setpriv', mayRead).status !== 0) skip('SKIPPED: this checkout lies where other users may not go');
    for (const path of [directory, join(directory, 's')]) {
      chownSync(path, uid, uid);
      chmodSync(path, 0o700);
    }
    const started = await startElsewhere(become);
    expect(await ask(started, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(statSync(cluster()).uid).toBe(uid);
    started.child.stdin?.end();
    await ended(started.child);
    expect(alive(started.pid)).toBe(false);
  },
);
