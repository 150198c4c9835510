-- What else of the store and of what stands on it is kept apart by tenant: parts of scattered jobs and what they came to, answers by
-- idempotency key, events that were parked.

-- Whose parts they are: set when the store is isolated, by the job that goes on. Until then null.
alter table fairlead_scatter add column tenant text;
alter table fairlead_scatter_part add column tenant text;

-- A part is its scatter's tenant's, and a scatter its job's, whoever writes it: a worker, too, that serves all tenants.
create function fairlead_scatter_tenant() returns trigger
  language plpgsql volatile
as $$
begin
  select j.tenant into new.tenant from fairlead_job j where j.id = new.id;
  return new;
end $$;
create function fairlead_scatter_part_tenant() returns trigger
  language plpgsql volatile
as $$
begin
  select s.tenant into new.tenant from fairlead_scatter s where s.id = new.scatter;
  return new;
end $$;

-- Isolates a table of the kit's own whose rows may belong to nobody (its column tenant is null or empty). Those are the service's own:
-- transactions without a tenant use them, so every other can. The order of the cases matters: asking for a tenant where
-- none is claimed is an error. Rows are opened for all tenants, as those of the store are.
create or replace function fairlead.isolate_kept(p_table regclass) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_mine text := $e$case when coalesce(tenant, '') = '' then true else tenant = (select fairlead.tenant()) end$e$;
  v_every text := $e$case when coalesce(current_setting('fairlead.tenancy', true), '') = '' then false else (select fairlead.every_tenant()) end$e$;
begin
  execute format('alter table %s enable row level security, force row level security', p_table);
  execute format('drop policy if exists fairlead_tenant on %s', p_table);
  execute format('drop policy if exists fairlead_every_tenant on %s', p_table);
  execute format('create policy fairlead_tenant on %s using (%s) with check (%s)', p_table, v_mine, v_mine);
  execute format('create policy fairlead_every_tenant on %s using (%s) with check (%s)', p_table, v_every, v_every);
end $$;

-- Isolates a table that says nothing of tenants and that only the service's own work uses, under the scope of all of them.
create or replace function fairlead.isolate_across(p_table regclass) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('alter table %s enable row level security, force row level security', p_table);
  execute format('drop policy if exists fairlead_every_tenant on %s', p_table);
  execute format('create policy fairlead_every_tenant on %s using ((select fairlead.every_tenant())) with check ((select fairlead.every_tenant()))', p_table);
end $$;

-- Whether a table has its walls up.
create or replace function fairlead.is_isolated(p_table regclass) returns boolean
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c.relrowsecurity and c.relforcerowsecurity
         and exists (select from pg_policy p where p.polrelid = c.oid and p.polname in ('fairlead_tenant', 'fairlead_every_tenant'))
    from pg_class c where c.oid = p_table
$$;

-- As before, and what this file is about. A table that is not there, or has no column tenant yet, is left alone; so is one that is isolated
-- already, since to isolate it once more would stop whoever reads it.
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
  if to_regclass('fairlead_scatter') is not null and not fairlead.is_isolated('fairlead_scatter') then
    delete from fairlead_scatter s where s.tenant is null and not exists (select from fairlead_job j where j.id = s.id);
    delete from fairlead_scatter_part p where p.tenant is null and not exists (select from fairlead_scatter s where s.id = p.scatter);
    update fairlead_scatter s set tenant = j.tenant from fairlead_job j where s.tenant is null and j.id = s.id;
    update fairlead_scatter_part p set tenant = s.tenant from fairlead_scatter s where p.tenant is null and s.id = p.scatter;
    create or replace trigger fairlead_scatter_tenant before insert on fairlead_scatter
      for each row execute function fairlead_scatter_tenant();
    create or replace trigger fairlead_scatter_part_tenant before insert on fairlead_scatter_part
      for each row execute function fairlead_scatter_part_tenant();
  end if;
  for v_table in
    select to_regclass(t.name) from unnest(array['fairlead_stream', 'fairlead_log', 'fairlead_doc', 'fairlead_job',
      'fairlead_job_history', 'fairlead_scatter', 'fairlead_scatter_part', 'fairlead_tenant_key']) t (name)
     where exists (select from pg_attribute a where a.attrelid = to_regclass(t.name) and a.attname = 'tenant' and not a.attisdropped)
       and not fairlead.is_isolated(to_regclass(t.name))
  loop
    -- Documents without a tenant are the service's own: cursors move in the transactions of tenants.
    perform fairlead.isolate(v_table, 'tenant', true, v_table = to_regclass('fairlead_doc'));
  end loop;
  for v_table in
    select to_regclass(t.name) from unnest(array['fairlead_idempotency', 'fairlead_parked']) t (name)
     where exists (select from pg_attribute a where a.attrelid = to_regclass(t.name) and a.attname = 'tenant' and not a.attisdropped)
       and not fairlead.is_isolated(to_regclass(t.name))
  loop
    perform fairlead.isolate_kept(v_table);
  end loop;
  if to_regclass('fairlead_parked_event') is not null and not fairlead.is_isolated('fairlead_parked_event') then
    perform fairlead.isolate_across('fairlead_parked_event');
  end if;
end $$;

-- As before, and what of Fairlead's own tables stands open beside isolated ones.
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
  union all
  select c.oid::regclass::text, 'holds rows of tenants and is not isolated: select fairlead.isolate_store()'
    from pg_class c
   where c.relnamespace in (select t.relnamespace from isolated o join pg_class t on t.oid = o.oid)
     and (c.relname = 'fairlead_parked_event'
          or c.relname in ('fairlead_stream', 'fairlead_log', 'fairlead_doc', 'fairlead_job', 'fairlead_job_history', 'fairlead_scatter',
                           'fairlead_scatter_part', 'fairlead_tenant_key', 'fairlead_idempotency', 'fairlead_parked')
             and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped))
     and c.relkind = 'r' and not fairlead.is_isolated(c.oid)
  order by 1, 2
$$;

-- For migrations that bring tables or columns to be isolated: does it again where it was done before.
create or replace function fairlead.isolate_store_again() returns void
  language plpgsql volatile
as $$
begin
  -- A schema that is one tenant's has policies as well, but rows that are not told apart.
  if exists (select from pg_attrdef d where d.adrelid = to_regclass('fairlead_log') and pg_get_expr(d.adbin, d.adrelid) = 'fairlead.tenant()') then
    perform fairlead.isolate_store();
  end if;
end $$;

-- As before; in tables whose default does not say which column names the tenant it is the column tenant.
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
      v_column := coalesce((
        select a.attname from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where a.attrelid = v_table and pg_get_expr(d.adbin, d.adrelid) = 'fairlead.tenant()'), 'tenant');
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

select fairlead.isolate_store_again();
