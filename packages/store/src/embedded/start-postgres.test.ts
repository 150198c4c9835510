import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { connectAdmin } from './admin-connection.ts';
import { startPostgres } from './start-postgres.ts';
import { alive, ask, cluster, directory, ended, isRoot, options, startElsewhere } from './testing/elsewhere.fixture.ts';

/** Pids of the server's backends that serve clients or itself. */
async function backends(server: { readonly adminUrl: string }): Promise<readonly number[]> {
  return (await ask(server, 'select pid from pg_stat_activity')).map((row) => Number(row['pid']));
}

test('what was committed is there after a restart, and an orderly end leaves nothing behind', async () => {
  const first = await startPostgres(options());
  await ask(first, 'create table kept (id integer); insert into kept values (7)');
  await first.close();
  await first.close();
  expect(await first.exited).toEqual({ code: 0, signal: null, expected: true });
  expect(alive(first.pid)).toBe(false);
  expect(readdirSync(join(directory, 's'))).toEqual([]);
  await using second = await startPostgres(options());
  expect(await ask(second, 'select * from kept')).toEqual([{ id: 7 }]);
});

test('it is durable, listens on no port, and everybody needs a password', async () => {
  await using server = await startPostgres({ ...options(), settings: {} });
  const [settings] = await ask(
    server,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as sync, current_setting('listen_addresses') as tcp`,
  );
  expect(settings).toEqual({ fsync: 'on', sync: 'on', tcp: '' });
  await expect(connectAdmin(rewriteDatabaseUrl(server.adminUrl, { password: 'guess' }))).rejects.toMatchObject({
    code: '28P01',
  });
  expect(statSync(join(directory, 'data', 'secrets', 'postgres-superuser')).mode & 0o777).toBe(0o600);
  expect(statSync(cluster()).mode & 0o077).toBe(0);
});

test('PUBLIC may connect to none of the databases that come with it', async () => {
  await using server = await startPostgres(options());
  await ask(server, `create role stranger login password 'x'`);
  for (const database of ['postgres', 'template1']) {
    await expect(
      connectAdmin(rewriteDatabaseUrl(server.adminUrl, { user: 'stranger', password: 'x', database })),
    ).rejects.toMatchObject({ code: '42501' });
  }
});

test('the end of the server is told, whoever caused it', async () => {
  const server = await startPostgres(options());
  process.kill(server.pid, 'SIGQUIT');
  expect(await server.exited).toMatchObject({ expected: false });
  await server.close();
});

test('a second start on a directory whose server is looked after is refused, and does it no harm', async () => {
  await using server = await startPostgres(options());
  await expect(startPostgres(options())).rejects.toMatchObject({ code: 'POSTGRES_IN_USE' });
  expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server whose parent was killed is ended, and the next start has its data', async () => {
  const orphan = await startElsewhere();
  await ask(orphan, 'create table kept (id integer); insert into kept values (7)');
  orphan.child.kill('SIGKILL');
  await ended(orphan.child);
  expect(alive(orphan.pid)).toBe(true);
  await using server = await startPostgres(options());
  expect(alive(orphan.pid)).toBe(false);
  expect(await ask(server, 'select * from kept')).toEqual([{ id: 7 }]);
});

test('backends that outlive a killed postmaster are ended, and the next start recovers', async () => {
  const server = await startPostgres(options());
  await ask(server, 'create table kept (id integer); insert into kept values (7)');
  const busy = ask(server, 'select pg_sleep(60)').catch(() => {});
  // A stopped backend can't notice that its postmaster is gone.
  const sleepers = `select pid from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`;
  await expect.poll(() => ask(server, sleepers), { timeout: 10_000 }).toHaveLength(1);
  const sleeper = Number((await ask(server, sleepers))[0]?.['pid']);
  const before = await backends(server);
  process.kill(sleeper, 'SIGSTOP');
  process.kill(server.pid, 'SIGKILL');
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL', expected: false });
  expect(alive(sleeper)).toBe(true);
  await using next = await startPostgres(options());
  expect(before.filter(alive)).toEqual([]);
  expect(await ask(next, 'select * from kept')).toEqual([{ id: 7 }]);
  await busy;
});

test("a start that fails says why, in the server's own words", async () => {
  const failure = startPostgres({ ...options(), settings: { fsync: 'off', shared_buffers: 'much' } });
  await expect(failure).rejects.toMatchObject({
    code: 'POSTGRES_START_FAILED',
    message: expect.stringContaining('shared_buffers'),
  });
  await using server = await startPostgres(options());
  expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a socket directory too long for a socket is refused before anything is started', async () => {
  await expect(startPostgres({ ...options(), socketDir: join(directory, 'x'.repeat(120)) })).rejects.toThrow(
    /socketDir .* too long/,
  );
  expect(existsSync(options().dataDir)).toBe(false);
});

test.runIf(process.platform === 'linux')(
  'as root it runs under a uid of its own, below a directory that only root may enter',
  async ({ skip }) => {
    if (!isRoot) skip('SKIPPED: needs root to try how it runs as root');
    chmodSync(directory, 0o700);
    await using server = await startPostgres(options());
    const { uid } = statSync(cluster());
    expect(uid).not.toBe(0);
    expect(uid).not.toBe(65_534);
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(status)?.slice(1)).toEqual([`${uid}`, `${uid}`, `${uid}`]);
    expect(/^Groups:[ \t]*(.*)$/m.exec(status)?.[1]?.trim()).toBe('');
    expect(readlinkSync(`/proc/${server.pid}/cwd`)).toBe(cluster());
    await server.close();
    await using again = await startPostgres(options());
    expect(statSync(cluster()).uid).toBe(uid);
    expect(await ask(again, 'select 1 as one')).toEqual([{ one: 1 }]);
  },
);
