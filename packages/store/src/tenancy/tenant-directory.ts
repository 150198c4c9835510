import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';

/** A tenant as the directory has it. */
export interface TenantPlace {
  readonly tenant: string;
  /** Its schema or database; null where tenants share tables. */
  readonly place: string | null;
}

/** Which tenants there are, as the service's own database says (`fairlead.tenant_place`). */
export class TenantDirectory {
  readonly #home: Database;
  readonly #across: Database;
  readonly #knownForMs: number;
  readonly #known = new Map<string, { readonly place: TenantPlace; readonly until: number }>();

  /** `across` is the home under the scope of all tenants. */
  constructor(home: Database, across: Database, knownForMs: number) {
    this.#home = home;
    this.#across = across;
    this.#knownForMs = knownForMs;
  }

  /**
   * Where the rows of a Context's tenant are.
   * @throws TENANT_REQUIRED, UNKNOWN_TENANT
   */
  async placeOf(ctx: Context): Promise<TenantPlace> {
    const { tenant } = ctx;
    if (tenant === undefined || tenant === '') {
      throw fail(
        'TENANT_REQUIRED',
        `${this.#home.name}: rows of tenants were asked for, and the Context names no tenant. Derive one that does, or use the home.`,
      );
    }
    const known = this.#known.get(tenant);
    if (known !== undefined && known.until > ctx.clock.monotonic()) return known.place;
    this.#known.delete(tenant);
    const { rows } = await this.#across.query<{ place: string | null }>(
      ctx,
      `select place from fairlead.tenant_place where tenant = $1 and state = 'ready'`,
      [tenant],
    );
    const [row] = rows;
    if (row === undefined) {
      throw fail('UNKNOWN_TENANT', `${this.#home.name}: there is no such tenant. Create it first.`);
    }
    const place = { tenant, place: row.place };
    if (this.#knownForMs > 0) this.#known.set(tenant, { place, until: ctx.clock.monotonic() + this.#knownForMs });
    return place;
  }

  async list(ctx: Context): Promise<readonly TenantPlace[]> {
    const { rows } = await this.#across.query<{ tenant: string; place: string | null }>(
      ctx,
      `select tenant, place from fairlead.tenant_place where state = $1 order by tenant collate "C"`,
      ['ready'],
    );
    return rows;
  }

  forget(tenant: string): void {
    this.#known.delete(tenant);
  }
}

/** Makes a tenant, one process at a time. `place` is what it gets when it has none yet. */
export async function makeTenant(
  ctx: Context,
  owner: Database,
  { tenant, place }: TenantPlace,
  make: () => Promise<void>,
): Promise<'created' | 'exists'> {
  return alone(ctx, owner, async () => {
    const state = await stateOf(ctx, owner, tenant);
    if (state === 'ready') return 'exists';
    if (state === 'dropping') {
      throw fail('UNKNOWN_TENANT', `${owner.name}: this tenant is being dropped. Drop it again, then create it.`);
    }
    if (state === undefined) {
      await asOwner(ctx, owner, (tx) =>
        tx.query(`insert into fairlead.tenant_place values ($1, $2, 'making', fairlead.now())`, [tenant, place]),
      );
    }
    await make();
    await setState(ctx, owner, tenant, 'ready');
    return 'created';
  });
}

/** Drops a tenant, one process at a time; false when there is none. */
export async function dropTenant(
  ctx: Context,
  owner: Database,
  tenant: string,
  drop: () => Promise<void>,
): Promise<boolean> {
  return alone(ctx, owner, async () => {
    if ((await stateOf(ctx, owner, tenant)) === undefined) return false;
    await setState(ctx, owner, tenant, 'dropping');
    await drop();
    await asOwner(ctx, owner, (tx) => tx.query('delete from fairlead.tenant_place where tenant = $1', [tenant]));
    return true;
  });
}

/** A transaction of the owner under the scope of all tenants. */
export function asOwner<T>(ctx: Context, owner: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return owner.tx(ctx, async (tx) => {
    await tx.query('select fairlead.claim_every_tenant()');
    return work(tx);
  });
}

function setState(ctx: Context, owner: Database, tenant: string, state: 'ready' | 'dropping'): Promise<unknown> {
  return asOwner(ctx, owner, (tx) =>
    tx.query('update fairlead.tenant_place set state = $2 where tenant = $1', [tenant, state]),
  );
}

/** Has one process at a time make, drop or migrate tenants. Holds a connection of the owner meanwhile. */
export function alone<T>(ctx: Context, owner: Database, work: () => Promise<T>): Promise<T> {
  return owner.tx(ctx, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended('fairlead tenants', 0))`);
    return work();
  });
}

async function stateOf(ctx: Context, owner: Database, tenant: string): Promise<string | undefined> {
  const { rows } = await asOwner(ctx, owner, (tx) =>
    tx.query<{ state: string }>('select state from fairlead.tenant_place where tenant = $1', [tenant]),
  );
  return rows[0]?.state;
}
