import { createContext, realClock, realRandom, uuidV7, type ScopedContext } from '@fairlead/core';
import { openDatabase, type Database } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { brokerGrants, type BrokerGrant } from './broker-grants.ts';
import { BROKER_MIGRATIONS } from './migrations.ts';

/** A broker on a real server, with roles of its own for `orders`, `stock` and `mail`. */
export interface PostgresBed extends AsyncDisposable {
  readonly ctx: ScopedContext;
  /** The broker's database as its owner. */
  readonly owner: Database;
  readonly grants: readonly BrokerGrant[];
  /** Names the broker's database. */
  readonly databaseUrl: string;
  /** The broker's database with a service's role; one more pool each time. */
  open(service: string): Database;
}

/** Makes the bed; its disposal drops database and roles. */
export async function postgresBed(): Promise<PostgresBed> {
  const ctx = createContext({ clock: realClock(), random: realRandom() });
  const database = await testDatabase({ migrations: [{ set: 'broker', from: BROKER_MIGRATIONS }] });
  const suffix = uuidV7(ctx).replaceAll('-', '').slice(-12);
  const opened: Database[] = [];
  const connect = (url: string, name: string): Database => {
    const next = openDatabase({ url, name, clock: realClock(), maxConnections: 4 });
    opened.push(next);
    return next;
  };
  const admin = connect(database.adminUrl, 'admin');
  const owner = connect(database.ownerUrl, 'broker');
  const services = ['orders', 'stock', 'mail'];
  const roleOf = (service: string): string => `${service}_${suffix}`;
  const target = new URL(database.url).pathname.slice(1);
  for (const service of services) {
    await admin.query(ctx, `CREATE ROLE ${roleOf(service)} LOGIN PASSWORD 'test'`);
    await admin.query(ctx, `GRANT CONNECT ON DATABASE ${target} TO ${roleOf(service)}`);
  }
  const grants = services.map((service) => ({
    service,
    role: roleOf(service),
    reads: service === 'stock' ? ['orders'] : [],
  }));
  await brokerGrants(ctx, owner, grants);
  return {
    ctx,
    owner,
    grants,
    databaseUrl: database.url,
    open(service) {
      const url = new URL(database.url);
      url.username = roleOf(service);
      url.password = 'test';
      return connect(url.href, service);
    },
    async [Symbol.asyncDispose]() {
      const rest = opened.filter((one) => one !== admin);
      await Promise.all(rest.map((one) => one.close({ graceMs: 0 })));
      await database[Symbol.asyncDispose]();
      for (const service of services) await admin.query(ctx, `DROP ROLE ${roleOf(service)}`);
      await admin.close({ graceMs: 0 });
      ctx[Symbol.dispose]();
    },
  };
}
