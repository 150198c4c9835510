import type { Database } from '../database.ts';
import { everyTenantScope, tenantScope } from './row-scope.ts';
import { setAcrossTenants } from './across-tenants.ts';
import type { ResolvedTenancyOptions, TenantDatabases } from './tenancy-options.ts';
import { dropTenant, makeTenant } from './tenant-directory.ts';
import { tenantHome, withSettings } from './tenant-home.ts';

/** Tenants that share tables, which are isolated row by row. The service's migrations isolate their own. */
export function rowTenants(options: ResolvedTenancyOptions): TenantDatabases {
  const home = tenantHome(options, options.maxConnections);
  const { database, directory } = home;
  const known = withSettings(tenantScope(home.key), async (ctx) => {
    await directory.placeOf(ctx);
    return [];
  });
  const tenants: Database = database.view(known);
  const result: TenantDatabases = {
    kind: 'rows',
    name: options.name,
    home: database,
    tx: (ctx, work, how) => tenants.tx(ctx, work, how),
    query: (ctx, text, params) => tenants.query(ctx, text, params),
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: (how) => database.close(how),
    [Symbol.asyncDispose]: () => database.close(),

    async migrate(ctx) {
      await home.migrate(ctx);
      await home.withOwner(async (owner) => {
        await home.migrateTables(ctx, owner);
        await owner.query(ctx, 'select fairlead.isolate_store()');
      });
    },
    create: (ctx, tenant) => home.withOwner((owner) => makeTenant(ctx, owner, { tenant, place: null }, async () => {})),
    list: async (ctx) => (await directory.list(ctx)).map(({ tenant }) => tenant),
    async drop(ctx, tenant) {
      directory.forget(tenant);
      return home.withOwner((owner) =>
        dropTenant(ctx, owner, tenant, async () => {
          const { claim } = await home.key;
          await owner.tx(ctx, async (tx) => {
            const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
            const mine = claim(rows[0]?.pid ?? 0, { kind: 'tenant', tenant });
            await tx.query(`select set_config('fairlead.tenancy', $1, true)`, [mine]);
            await tx.query('select fairlead.delete_tenant_rows(current_schema())');
          });
        }),
      );
    },
  };
  setAcrossTenants(result, database.view(everyTenantScope(home.key)));
  return result;
}
