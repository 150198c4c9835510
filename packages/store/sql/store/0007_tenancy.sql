-- Tenancy: whose rows a transaction may see, and the keys that seal what tenants own.

-- What claims are checked by. One row a key: the one in use, and the one before it while processes change over. In a schema
-- of its own because rights on tables of the service are given by default; here nobody but the owner has any.
do $$
declare v_grantee text;
begin
  -- Once a database, though this file is applied once a schema.
  if to_regclass('fairlead.tenancy_key') is null then
    create table fairlead.tenancy_key (
      id text primary key,
      inner_pad bytea not null,
      outer_pad bytea not null,
      installed_at timestamptz not null
    );
    revoke all on fairlead.tenancy_key from public;
    for v_grantee in
      select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
       where c.oid = 'fairlead.tenancy_key'::regclass and a.grantee <> c.relowner and a.grantee <> 0
    loop
      execute 'revoke all on fairlead.tenancy_key from ' || v_grantee;
    end loop;
  end if;
end $$;

-- The scope that this transaction has proved: 't' and the tenant, or '*'. The setting fairlead.tenancy holds
-- <key id, 16> . <HMAC-SHA-256 in hex, 64> . <scope>; the HMAC covers this backend and the scope, so neither another tenant
-- nor another session has a use for it. Both sides are hashed once more before they are compared, so that the time which
-- the comparison takes tells nothing.
-- FLT01: nothing was claimed. FLT02: what was claimed is not proved.
create or replace function fairlead.tenant_scope() returns text
  language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_claim text := current_setting('fairlead.tenancy', true);
  v_inner bytea;
  v_outer bytea;
begin
  if coalesce(v_claim, '') = '' then
    raise exception 'no tenant is set for this transaction' using errcode = 'FLT01';
  end if;
  select k.inner_pad, k.outer_pad into v_inner, v_outer from fairlead.tenancy_key k where k.id = left(v_claim, 16);
  if v_inner is null or substr(v_claim, 83, 1) not in ('t', '*')
     or sha256(convert_to(substr(v_claim, 18, 64), 'UTF8')) <> sha256(convert_to(encode(
          sha256(v_outer || sha256(v_inner || convert_to(pg_backend_pid()::text || ' ' || substr(v_claim, 83), 'UTF8'))), 'hex'), 'UTF8'))
  then
    raise exception 'the tenant that is set for this transaction is not proved' using errcode = 'FLT02';
  end if;
  return substr(v_claim, 83);
end $$;

-- The tenant of this transaction; null under the scope of all tenants.
create or replace function fairlead.tenant() returns text
  language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare v_scope text := fairlead.tenant_scope();
begin
  return case when v_scope = '*' then null else substr(v_scope, 2) end;
end $$;

-- Whether this transaction may see every tenant's rows, where a table allows that.
create or replace function fairlead.every_tenant() returns boolean
  language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$ begin return fairlead.tenant_scope() = '*'; end $$;

-- Gives the owner the scope of all tenants for this transaction: migrations of data, backups. Nobody else can read the key.
create or replace function fairlead.claim_every_tenant() returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare v_key record;
begin
  select k.* into v_key from fairlead.tenancy_key k order by k.installed_at desc limit 1;
  if v_key.id is null then
    raise exception 'tenancy is not installed in this database' using errcode = 'FLT02';
  end if;
  perform set_config('fairlead.tenancy', v_key.id || '.' || encode(sha256(v_key.outer_pad || sha256(v_key.inner_pad ||
    convert_to(pg_backend_pid()::text || ' *', 'UTF8'))), 'hex') || '.*', true);
end $$;
revoke execute on function fairlead.claim_every_tenant() from public;

-- Isolates a table and its partitions by the column that names the tenant: rows of others can't be read or written, by the
-- owner's views and functions neither. across: the runtime role may open it for all tenants (only the owner may otherwise);
-- costs the index on the tenant. shared: rows without a tenant are everybody's.
create or replace function fairlead.isolate(
  p_table regclass, p_column name default 'tenant', p_across boolean default false, p_shared boolean default false
) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_owner name;
  v_mine text := format('%I = (select fairlead.tenant())', p_column);
  v_every text := '(select fairlead.every_tenant())';
begin
  if not exists (select from pg_attribute a where a.attrelid = p_table and a.attname = p_column
                    and a.atttypid = 'text'::regtype and not a.attisdropped) then
    raise exception '% has no column % of type text. Add it, fill it, then isolate the table.', p_table, p_column
      using errcode = 'undefined_column';
  end if;
  if p_shared then
    v_mine := format('(%s or %I is null)', v_mine, p_column);
  end if;
  for v_table in
    with recursive part as (
      select p_table::oid as oid
      union select i.inhrelid from pg_inherits i join part p on i.inhparent = p.oid
    )
    select p.oid::regclass from part p
  loop
    select pg_get_userbyid(c.relowner) into v_owner from pg_class c where c.oid = v_table;
    execute format('alter table %s alter column %I set default fairlead.tenant(), enable row level security, force row level security',
                   v_table, p_column);
    execute format('drop policy if exists fairlead_tenant on %s', v_table);
    execute format('drop policy if exists fairlead_every_tenant on %s', v_table);
    execute format('create policy fairlead_tenant on %s using (%s) with check (%s)', v_table, v_mine, v_mine);
    execute format('create policy fairlead_every_tenant on %s to %s using (%s) with check (%s)',
                   v_table, case when p_across then 'public' else quote_ident(v_owner) end, v_every, v_every);
  end loop;
end $$;

-- Isolates the store's own tables in the current schema: what a tenant appended, stored or queued is that tenant's. Readers,
-- workers and sweeps run under the scope of all tenants. Repeat it after the store was migrated.
create or replace function fairlead.isolate_store() returns void
  language plpgsql volatile
as $$
declare v_table regclass;
begin
  if exists (select from fairlead.tenancy_key) then
    perform fairlead.claim_every_tenant();
  end if;
  if to_regclass('fairlead_stream') is not null then
    -- Streams that are there belong to whoever began them.
    update fairlead_stream s set tenant = l.tenant from fairlead_log l
     where s.tenant is null and l.stream = s.stream and l.version = 1 and l.tenant is not null;
  end if;
  for v_table in
    select to_regclass(t.name) from unnest(array['fairlead_stream', 'fairlead_log', 'fairlead_doc', 'fairlead_job',
      'fairlead_job_history', 'fairlead_tenant_key']) t (name)
     where exists (select from pg_attribute a where a.attrelid = to_regclass(t.name) and a.attname = 'tenant' and not a.attisdropped)
  loop
    -- Documents without a tenant are the service's own: cursors move in the transactions of tenants.
    perform fairlead.isolate(v_table, 'tenant', true, v_table = to_regclass('fairlead_doc'));
  end loop;
end $$;

-- Whose stream it is, once the store is isolated; null before.
alter table fairlead_stream add column tenant text;

-- What stands open between tenants in the schemas of this database, one row a finding. For a test of the service: none.
create or replace function fairlead.tenancy_gaps() returns table (object text, gap text)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  with own as (
    select c.oid, c.relkind, c.relowner, c.relacl, c.relrowsecurity and c.relforcerowsecurity as forced,
           (select a.attnum from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped) as tenant,
           exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'fairlead_tenant') as isolated
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'fairlead') and c.relkind in ('r', 'p', 'v', 'm')
       and c.relname !~ '^fairlead_'
  ), isolated as (select * from own where isolated)
  select o.oid::regclass::text, 'has a column tenant and is not isolated'
    from own o where o.relkind in ('r', 'p') and o.tenant is not null and not (o.isolated and o.forced)
  union all
  select o.oid::regclass::text, 'is isolated, but row level security is not forced'
    from isolated o where not o.forced and o.tenant is null
  union all
  select o.oid::regclass::text, 'is a partition of an isolated table and is not isolated itself'
    from own o join pg_inherits i on i.inhrelid = o.oid join isolated p on p.oid = i.inhparent where not o.isolated
  union all
  select o.oid::regclass::text, format('has the policy %s, which may let more through', p.polname)
    from isolated o join pg_policy p on p.polrelid = o.oid
   where p.polpermissive and p.polname not in ('fairlead_tenant', 'fairlead_every_tenant')
  union all
  select o.oid::regclass::text, format('has the foreign key %s to an isolated table without the tenant: rows of others can be pointed at', k.conname)
    from isolated o join pg_constraint k on k.conrelid = o.oid and k.contype = 'f' join isolated p on p.oid = k.confrelid
   where o.tenant is not null and not o.tenant = any(k.conkey)
  union all
  select o.oid::regclass::text, format('has the unique key %s without the tenant: a taken value tells that another tenant has it', i.indexrelid::regclass)
    from isolated o join pg_index i on i.indrelid = o.oid
   where i.indisunique and not i.indisprimary and o.tenant is not null and not o.tenant = any(i.indkey::int2[])
  union all
  select distinct v.oid::regclass::text, format('is a materialized view of %s: it holds rows of all tenants', t.oid::regclass)
    from own v join pg_rewrite r on r.ev_class = v.oid join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    join isolated t on t.oid = d.refobjid where v.relkind = 'm'
  union all
  select distinct o.oid::regclass::text, format('belongs to %s, whom no policy binds', pg_get_userbyid(o.relowner))
    from own o join pg_roles r on r.oid = o.relowner
   where (r.rolsuper or r.rolbypassrls) and (o.isolated or o.relkind = 'v')
  union all
  select p.oid::regprocedure::text, format('runs as %s, whom no policy binds', pg_get_userbyid(p.proowner))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
   where p.prosecdef and (r.rolsuper or r.rolbypassrls) and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     and p.oid <> 'fairlead.tenant_scope()'::regprocedure
  union all
  select o.oid::regclass::text, format('may be %s by %s, past every policy', case a.privilege_type when 'TRUNCATE' then 'truncated' else 'watched by triggers' end,
                                       case a.grantee when 0 then 'everybody' else pg_get_userbyid(a.grantee) end)
    from isolated o, aclexplode(o.relacl) a where a.privilege_type in ('TRUNCATE', 'TRIGGER') and a.grantee <> o.relowner
  union all
  select 'fairlead.tenancy_key', format('may be read by %s: whoever reads it can be any tenant', case a.grantee when 0 then 'everybody' else pg_get_userbyid(a.grantee) end)
    from pg_class c, aclexplode(c.relacl) a where c.oid = 'fairlead.tenancy_key'::regclass and a.grantee <> c.relowner
  union all
  select 'temporary tables', format('may be made by %s: one can stand in for an isolated table in later transactions of its session',
                                    case a.grantee when 0 then 'everybody' else pg_get_userbyid(a.grantee) end)
    from pg_database b, aclexplode(coalesce(b.datacl, acldefault('d', b.datdba))) a
   where b.datname = current_database() and a.privilege_type = 'TEMPORARY' and a.grantee <> b.datdba
  order by 1, 2
$$;

-- Tenants by name, where tenants are made and dropped. Read by the service under the scope of all tenants, written by the
-- owner only: it says where a tenant's rows are.
do $$
begin
  -- Once a database, though this file is applied once a schema.
  if to_regclass('fairlead.tenant_place') is null then
    create table fairlead.tenant_place (
      tenant text primary key,
      -- The schema or database that is theirs; null where they share tables.
      place text unique,
      state text not null check (state in ('making', 'ready', 'dropping')),
      created_at timestamptz not null
    );
    revoke all on fairlead.tenant_place from public;
    grant select on fairlead.tenant_place to public;
  end if;
end $$;

-- Isolates the tables of a schema that is one tenant's: under another tenant's claim its rows can't be read or written, by
-- name neither. Repeat it when tables were added.
create or replace function fairlead.isolate_schema(p_schema name, p_tenant text) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_mine text := format('(select fairlead.tenant()) = %L', p_tenant);
  v_every text := '(select fairlead.every_tenant())';
begin
  for v_table in
    select c.oid::regclass as name, pg_get_userbyid(c.relowner) as owner from pg_class c
     where c.relnamespace = p_schema::regnamespace and c.relkind in ('r', 'p')
       and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'fairlead_tenant')
  loop
    execute format('alter table %s enable row level security, force row level security', v_table.name);
    execute format('create policy fairlead_tenant on %s using (%s) with check (%s)', v_table.name, v_mine, v_mine);
    execute format('create policy fairlead_every_tenant on %s to %I using (%s) with check (%s)', v_table.name, v_table.owner, v_every, v_every);
  end loop;
end $$;

-- Deletes every row of the tenant that this transaction has claimed, in all isolated tables of a schema; answers with how
-- many. Rows that others point to go in a later round.
create or replace function fairlead.delete_tenant_rows(p_schema name) returns bigint
  language plpgsql volatile
as $$
declare
  v_left regclass[];
  v_next regclass[];
  v_table regclass;
  v_column name;
  v_count bigint;
  v_total bigint := 0;
begin
  select array_agg(c.oid::regclass order by c.relname) into v_left from pg_class c
   where c.relnamespace = p_schema::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'fairlead_tenant');
  while cardinality(v_left) > 0 loop
    v_next := '{}';
    foreach v_table in array v_left loop
      select a.attname into v_column from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       where a.attrelid = v_table and pg_get_expr(d.adbin, d.adrelid) = 'fairlead.tenant()';
      begin
        execute format('delete from %s where %I = fairlead.tenant()', v_table, v_column);
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
      exception when foreign_key_violation then
        v_next := v_next || v_table;
      end;
    end loop;
    if cardinality(v_next) = cardinality(v_left) then
      raise exception 'rows of the tenant in % are pointed to by tables that are not isolated', v_next using errcode = 'foreign_key_violation';
    end if;
    v_left := v_next;
  end loop;
  return v_total;
end $$;

-- Data keys, wrapped by a key-encryption key that is never here. wrapped is null once a key was destroyed; the row stays, so
-- that what it sealed is known to be gone and not to be broken.
create table fairlead_tenant_key (
  tenant text not null,
  version integer not null,
  kek text,
  wrapped bytea,
  created_at timestamptz not null,
  destroyed_at timestamptz,
  primary key (tenant, version),
  check ((wrapped is null) = (destroyed_at is not null))
);
