import { FairleadError, type Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { connectAdmin, type AdminConnection } from '../embedded/admin-connection.ts';
import { grantInside } from '../embedded/provision.ts';
import { parseDatabaseUrl, quoteIdentifier, rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { openDatabase, openScopedDatabase } from '../postgres/postgres-database.ts';
import { installTenancy } from './install-tenancy.ts';
import { PoolShelf } from './pool-shelf.ts';
import { tenantScope } from './row-scope.ts';
import type { ResolvedTenancyOptions, TenantDatabases } from './tenancy-options.ts';
import { alone, dropTenant, makeTenant } from './tenant-directory.ts';
import { placeName, tenantHome } from './tenant-home.ts';

/** Tenants with a database each on the server of the service's own. Their pools share one budget of connections. */
export function databaseTenants(options: ResolvedTenancyOptions): TenantDatabases {
  const { name, url, clock, telemetry, adminUrl, maxConnections, connectionsPerTenant } = options;
  const home = tenantHome(options, connectionsPerTenant);
  const { database, directory } = home;
  const shelf = new PoolShelf(Math.floor(maxConnections / connectionsPerTenant) - 1, (place) =>
    // Claims here as well: tables that the service's migrations isolate work the same in every kind.
    openScopedDatabase(
      {
        url: rewriteDatabaseUrl(url, { database: place }),
        name,
        clock,
        telemetry,
        maxConnections: connectionsPerTenant,
      },
      tenantScope(home.key),
    ),
  );
  const runtimeRole = parseDatabaseUrl(url, name).user;

  async function inPlace<T>(ctx: Context, work: (tenant: Database) => Promise<T>): Promise<T> {
    const { place } = await directory.placeOf(ctx);
    return shelf.use(ctx, place ?? '', work);
  }

  async function asAdmin(ctx: Context, work: (admin: AdminConnection) => Promise<unknown>): Promise<void> {
    if (adminUrl === undefined) {
      throw new FairleadError(
        'internal',
        'MISCONFIGURED',
        `${name}: a database each is made by a role that may create databases. Give adminUrl where tenants are made and dropped.`,
      );
    }
    await using admin = await connectAdmin(adminUrl, ctx.signal);
    await work(admin);
  }

  async function migratePlace(ctx: Context, ownerUrl: string, place: string): Promise<void> {
    const limits = { maxConnections: 1, transactionTimeoutMs: 0 };
    const there = rewriteDatabaseUrl(ownerUrl, { database: place });
    await using owner = openDatabase({ url: there, name: `${name} owner`, clock, telemetry, ...limits });
    await home.migrateTables(ctx, owner);
    await installTenancy(ctx, owner, { url, secret: options.secret });
  }

  async function makePlace(ctx: Context, ownerUrl: string, place: string): Promise<void> {
    const quoted = quoteIdentifier(place);
    const owner = quoteIdentifier(parseDatabaseUrl(ownerUrl, name).user);
    await asAdmin(ctx, async (admin) => {
      const there = await admin.run('select 1 from pg_database where datname = $1', [place]);
      if (there.length === 0) {
        await admin.run(`create database ${quoted} owner ${owner} template template0 encoding 'UTF8'`);
      }
      await admin.run(`revoke all on database ${quoted} from public`);
      await admin.run(`grant connect on database ${quoted} to ${quoteIdentifier(runtimeRole)}`);
    });
    await grantInside(rewriteDatabaseUrl(ownerUrl, { database: place }), [runtimeRole], ctx.signal);
    await migratePlace(ctx, ownerUrl, place);
  }

  return {
    kind: 'databases',
    name,
    home: database,
    tx: (ctx, work, how) => inPlace(ctx, (tenant) => tenant.tx(ctx, work, how)),
    query: (ctx, text, params) => inPlace(ctx, (tenant) => tenant.query(ctx, text, params)),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: async (how = {}) => void (await Promise.all([database.close(how), shelf.close(how)])),
    [Symbol.asyncDispose]: async () => void (await Promise.all([database.close(), shelf.close({})])),

    async migrate(ctx) {
      await home.migrate(ctx);
      await home.withOwner((owner, ownerUrl) =>
        alone(ctx, owner, async () => {
          for (const { place } of await directory.list(ctx)) await migratePlace(ctx, ownerUrl, place ?? '');
        }),
      );
    },
    create: (ctx, tenant) =>
      home.withOwner((owner, ownerUrl) => {
        const place = placeName(name, tenant);
        return makeTenant(ctx, owner, { tenant, place }, () => makePlace(ctx, ownerUrl, place));
      }),
    list: async (ctx) => (await directory.list(ctx)).map(({ tenant }) => tenant),
    async drop(ctx, tenant) {
      directory.forget(tenant);
      const place = placeName(name, tenant);
      return home.withOwner((owner) =>
        dropTenant(ctx, owner, tenant, async () => {
          await shelf.drop(place);
          await asAdmin(ctx, (admin) => admin.run(`drop database if exists ${quoteIdentifier(place)} with (force)`));
        }),
      );
    },
  };
}
