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
