import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { parseDatabaseUrl, quoteIdentifier } from '../postgres/database-url.ts';
import { openScopedDatabase } from '../postgres/postgres-database.ts';
import { everyTenantScope, tenantScope } from './row-scope.ts';
import type { ResolvedTenancyOptions, TenantDatabases } from './tenancy-options.ts';
import { alone, asOwner, dropTenant, makeTenant, type TenantPlace } from './tenant-directory.ts';
import { placeName, tenantHome, withSettings } from './tenant-home.ts';

/**
 * Tenants with a schema each in the service's own database. Transactions are told their schema; its tables are isolated
 * besides, so that naming another tenant's schema shows nothing.
 */
export function schemaTenants(options: ResolvedTenancyOptions): TenantDatabases {
  const home = tenantHome(options, options.maxConnections);
  const { database, directory } = home;
  const { name, clock, telemetry } = options;
  const runtimeRole = quoteIdentifier(parseDatabaseUrl(options.url, name).user);
  const tenants = database.view(
    withSettings(tenantScope(home.key), async (ctx) => [
      ['search_path', quoteIdentifier((await directory.placeOf(ctx)).place ?? '')],
    ]),
  );

  /** The owner in one tenant's schema, under the scope of all tenants. */
  async function migratePlace(ctx: Context, ownerUrl: string, { tenant, place }: TenantPlace): Promise<void> {
    const schema = place ?? '';
    const scope = withSettings(everyTenantScope(home.key), async () => [['search_path', quoteIdentifier(schema)]]);
    const limits = { maxConnections: 1, transactionTimeoutMs: 0 };
    await using owner = openScopedDatabase(
      { url: ownerUrl, name: `${name} owner`, clock, telemetry, ...limits },
      scope,
    );
    await home.migrateTables(ctx, owner);
    await owner.query(ctx, 'select fairlead.isolate_schema($1, $2)', [schema, tenant]);
  }

  async function prepareSchema(ctx: Context, owner: Database, schema: string): Promise<void> {
    const quoted = quoteIdentifier(schema);
    const defaults = `alter default privileges in schema ${quoted} grant`;
    await asOwner(ctx, owner, (tx) =>
      tx.query(`create schema if not exists ${quoted}; grant usage on schema ${quoted} to ${runtimeRole};
        ${defaults} select, insert, update, delete on tables to ${runtimeRole};
        ${defaults} usage, select on sequences to ${runtimeRole}`),
    );
  }

  return {
    kind: 'schemas',
    name,
    home: database,
    tx: (ctx, work, how) => tenants.tx(ctx, work, how),
    query: (ctx, text, params) => tenants.query(ctx, text, params),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: (how) => database.close(how),
    [Symbol.asyncDispose]: () => database.close(),

    async migrate(ctx) {
      await home.migrate(ctx);
      await home.withOwner((owner, url) =>
        alone(ctx, owner, async () => {
          for (const place of await directory.list(ctx)) await migratePlace(ctx, url, place);
        }),
      );
    },
    create: (ctx, tenant) =>
      home.withOwner((owner, url) => {
        const place = placeName('tenant', tenant);
        return makeTenant(ctx, owner, { tenant, place }, async () => {
          await prepareSchema(ctx, owner, place);
          await migratePlace(ctx, url, { tenant, place });
        });
      }),
    list: async (ctx) => (await directory.list(ctx)).map(({ tenant }) => tenant),
    async drop(ctx, tenant) {
      directory.forget(tenant);
      return home.withOwner((owner) =>
        dropTenant(ctx, owner, tenant, () =>
          owner
            .query(ctx, `drop schema if exists ${quoteIdentifier(placeName('tenant', tenant))} cascade`)
            .then(() => {}),
        ),
      );
    },
  };
}
