import { createHash } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import { quoteIdentifier, quoteLiteral } from '../postgres/database-url.ts';
import { claimSetting } from '../tenancy/row-scope.ts';
import { claimKeyFrom, type TenantScope } from '../tenancy/tenant-claim.ts';

/** Who transactions run as: PGlite's only user is a superuser, whom no policy binds. */
const ROLE = 'fairlead_runtime';

/** The same everywhere: nobody is in this process whom it would have to be kept from, and a simulation repeats exactly. */
const KEY = claimKeyFrom(createHash('sha256').update('fairlead pglite').digest());

/** Isolation by rows on PGlite, as `openDatabase` has it with `tenancy: 'rows'`. */
export class PgliteTenancy {
  readonly #pglite: PGlite;
  readonly #schema: string;
  #processId: number | undefined;

  constructor(pglite: PGlite, schema: string) {
    this.#pglite = pglite;
    this.#schema = schema;
  }

  /** What a transaction begins with besides. `undefined` is the scope of nobody. */
  async statements(scope: TenantScope | undefined): Promise<string> {
    this.#processId ??= await this.#prepare();
    const claim = scope === undefined ? '' : KEY.claim(this.#processId, scope);
    const [name, value] = claimSetting(claim);
    return `SET LOCAL ${name} = ${quoteLiteral(value)}; SET LOCAL ROLE ${ROLE}`;
  }

  /** Makes the role, gives it what a service's has, and has the database believe our claims. */
  async #prepare(): Promise<number> {
    const schema = quoteIdentifier(this.#schema);
    await this.#pglite.exec(`
      do $$ begin if to_regrole('${ROLE}') is null then create role ${ROLE}; end if; end $$;
      grant usage on schema ${schema} to ${ROLE};
      grant select, insert, update, delete on all tables in schema ${schema} to ${ROLE};
      grant usage, select on all sequences in schema ${schema} to ${ROLE};
      alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${ROLE};
      alter default privileges in schema ${schema} grant usage, select on sequences to ${ROLE}`);
    await this.#pglite.query(
      `insert into fairlead.tenancy_key (id, inner_pad, outer_pad, installed_at) values ($1, $2, $3, fairlead.now())
         on conflict (id) do nothing`,
      [KEY.id, KEY.pads.inner, KEY.pads.outer],
    );
    const { rows } = await this.#pglite.query<{ pid: number }>('select pg_backend_pid() as pid');
    return rows[0]?.pid ?? 0;
  }
}
