import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { startTestServer, type TestServer } from '../testing/index.ts';
import { connectAdmin } from './admin-connection.ts';
import { provision, type Provisioned } from './provision.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });
const ODD = `o"d'd \\ $name`;
const SERVICES = [
  { name: 'orders', uses: [] },
  { name: 'payments', uses: ['orders'] },
  { name: ODD, uses: [] },
];
let server: TestServer;
let made: Provisioned;

beforeAll(async () => {
  server = await startTestServer();
  made = await provision(ctx, server.address.adminUrl, { services: SERVICES });
});
afterAll(() => server[Symbol.asyncDispose]());

const urls = (name: string) => {
  const found = made.services.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

async function run(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  await using connection = await connectAdmin(url);
  return await connection.run(text);
}

const database = (url: string, name: string): string => rewriteDatabaseUrl(url, { database: name });

test('an owner makes tables, its runtime role uses their rows, and neither more', async () => {
  for (const { name } of SERVICES) {
    await run(urls(name).ownerUrl, 'create table thing (id bigserial primary key, n integer)');
    await run(
      urls(name).runtimeUrl,
      'insert into thing (n) values (1); update thing set n = 2; select * from thing; delete from thing',
    );
    for (const ddl of [
      'create table mine (id integer)',
      'drop table thing',
      'truncate thing',
      'create schema mine',
      'create temp table t (i integer)',
      'create extension plpgsql',
      'create role r',
      'create database d',
      `alter role current_user superuser`,
      `set role "${name.replaceAll('"', '""')}_owner"`,
    ]) {
      await expect(run(urls(name).runtimeUrl, ddl), ddl).rejects.toMatchObject({
        code: expect.stringMatching(/42501|42704|42710/),
      });
    }
    await expect(run(urls(name).ownerUrl, 'create role r')).rejects.toMatchObject({ code: '42501' });
  }
});

test('no role of a service can connect to any database but its own and, at run time, the broker', async () => {
  for (const { name } of SERVICES) {
    const { ownerUrl, runtimeUrl, brokerUrl } = urls(name);
    expect(await run(brokerUrl, 'select current_database()::text as d')).toEqual([{ d: 'broker' }]);
    const others = [
      'postgres',
      'template1',
      ...SERVICES.map((service) => service.name).filter((other) => other !== name),
    ];
    for (const other of others) {
      for (const url of [ownerUrl, runtimeUrl]) {
        await expect(run(database(url, other), 'select 1'), `${name} to ${other}`).rejects.toMatchObject({
          code: '42501',
        });
      }
    }
    await expect(run(database(ownerUrl, 'broker'), 'select 1')).rejects.toMatchObject({ code: '42501' });
  }
});

test('in the broker a service has no rights until they are granted', async () => {
  await run(made.brokerOwnerUrl, 'create table event (id integer)');
  await expect(run(urls('orders').brokerUrl, 'select * from event')).rejects.toMatchObject({ code: '42501' });
  await expect(run(urls('orders').brokerUrl, 'create table mine (id integer)')).rejects.toMatchObject({
    code: '42501',
  });
});

test('doing it again, also several times at once, changes nothing and keeps the passwords given', async () => {
  const again = await Promise.all(
    [1, 2, 3].map(() => provision(ctx, server.address.adminUrl, { services: SERVICES, passwords: made.passwords })),
  );
  for (const one of again) expect(one).toEqual(made);
  expect(await run(urls('orders').runtimeUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('without the earlier passwords new ones are made, and the old ones end', async () => {
  const before = urls('orders').runtimeUrl;
  made = await provision(ctx, server.address.adminUrl, { services: SERVICES });
  await expect(run(before, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect(await run(urls('orders').runtimeUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('roles with a password that is not known here are refused by name where asked, and stay as they are', async () => {
  const admin = server.address.adminUrl;
  const refuseUnknown = { keptIn: '/data/passwords.json' };
  const attempts = [{}, { ...made.passwords, orders: 'another' }].map((passwords) =>
    provision(ctx, admin, { services: SERVICES, passwords, refuseUnknown }).catch((error: unknown) => error),
  );
  const [none, other] = await Promise.all(attempts);
  expect(none).toMatchObject({ code: 'ROLES_TAKEN', message: expect.stringContaining('/data/passwords.json') });
  expect(none).toMatchObject({
    details: { roles: expect.arrayContaining(['broker_owner', 'orders', 'orders_owner']) },
  });
  expect(other).toMatchObject({ code: 'ROLES_TAKEN', details: { roles: ['orders'] } });
  expect(await run(urls('orders').runtimeUrl, 'select 1 as one')).toEqual([{ one: 1 }]);

  // One that is new, and one that nobody can log in with, are no reason.
  await run(admin, 'create role later');
  const kept: unknown[] = [];
  const more = await provision(ctx, admin, {
    services: [...SERVICES, { name: 'later', uses: [] }],
    passwords: made.passwords,
    refuseUnknown,
    keep: async (passwords) => void kept.push(passwords),
  });
  expect(kept).toEqual([more.passwords]);
  expect(await run(more.services.get('later')?.runtimeUrl ?? '', 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a service that is gone from the blueprint loses the broker, and a stray grant is taken back', async () => {
  const stranger = rewriteDatabaseUrl(server.address.adminUrl, { user: 'stranger', password: 'x' });
  await run(
    server.address.adminUrl,
    `create role stranger login password 'x'; grant connect on database orders to stranger; grant connect on database orders to payments`,
  );
  const url = urls('payments').brokerUrl;
  made = await provision(ctx, server.address.adminUrl, {
    services: [{ name: 'orders', uses: [] }],
    passwords: made.passwords,
  });
  await expect(run(url, 'select 1')).rejects.toMatchObject({ code: '42501' });
  await expect(run(database(stranger, 'orders'), 'select 1')).rejects.toMatchObject({ code: '42501' });
  await expect(run(database(url, 'orders'), 'select 1')).rejects.toMatchObject({ code: '42501' });
  made = await provision(ctx, server.address.adminUrl, { services: SERVICES, passwords: made.passwords });
  expect(await run(urls('payments').brokerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('it works on a given server with a role that may only create roles and databases, and touches nobody else there', async () => {
  const admin = server.address.adminUrl;
  await run(
    admin,
    `create role deployer login createrole createdb password 'd'; grant connect on database postgres to deployer`,
  );
  await run(admin, 'create database elsewhere');
  const [before] = await run(admin, `select datacl::text from pg_database where datname = 'elsewhere'`);
  await using given = await startTestServer();
  await run(
    given.address.adminUrl,
    `create role deployer login createrole createdb password 'd'; grant connect on database postgres to deployer`,
  );
  const url = rewriteDatabaseUrl(given.address.adminUrl, { user: 'deployer', password: 'd' });
  const first = await provision(ctx, url, { services: SERVICES });
  const second = await provision(ctx, url, { services: SERVICES, passwords: first.passwords });
  expect(second).toEqual(first);
  const orders = first.services.get('orders');
  await run(orders?.ownerUrl ?? '', 'create table thing (id integer)');
  expect(await run(orders?.runtimeUrl ?? '', 'select * from thing')).toEqual([]);
  expect(await run(admin, `select datacl::text from pg_database where datname = 'elsewhere'`)).toEqual([before]);
});

test('a database of that name that belongs to somebody else is refused by name', async () => {
  await run(server.address.adminUrl, 'create database inventory');
  const work = provision(ctx, server.address.adminUrl, {
    services: [...SERVICES, { name: 'inventory', uses: [] }],
    passwords: made.passwords,
  });
  await expect(work).rejects.toMatchObject({
    code: 'PROVISION_FAILED',
    message: expect.stringContaining('"inventory"'),
  });
});

test('a role that may not create roles is told so, and never a password', async () => {
  const url = server.address.ownerUrl;
  await run(server.address.adminUrl, 'grant connect on database postgres to test_owner');
  const failure = await provision(ctx, url, { services: SERVICES }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'PROVISION_FAILED', message: expect.stringMatching(/CREATEROLE/) });
  expect(String(failure)).not.toContain(new URL(url).password);
});

test('names that would collide or that Postgres keeps for itself are refused', async () => {
  for (const names of [
    ['broker'],
    ['postgres'],
    ['pg_x'],
    ['a', 'a'],
    ['a', 'a_owner'],
    [''],
    ['x'.repeat(58)],
    ['a\0'],
  ]) {
    const work = provision(ctx, server.address.adminUrl, { services: names.map((name) => ({ name, uses: [] })) });
    await expect(work, names.join()).rejects.toMatchObject({ code: 'MISCONFIGURED' });
  }
  const unknown = provision(ctx, server.address.adminUrl, { services: [{ name: 'orders', uses: ['nobody'] }] });
  await expect(unknown).rejects.toThrow(/nobody/);
});
