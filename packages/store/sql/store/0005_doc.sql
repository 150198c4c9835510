-- Documents: the present state of something, by namespace and key, with a version that only grows.

create table fairlead_doc (
  namespace text collate "C" not null,
  tenant text collate "C",
  -- Part of the identity: what two tenants call alike are two documents. Empty for none.
  owner text collate "C" generated always as (coalesce(tenant, '')) stored,
  key text collate "C" not null,
  version bigint not null,
  body json not null,
  -- Which key seals the body; null: it lies in the clear.
  sealed text,
  -- From then on it is absent, whether or not its row is swept.
  expires_at timestamptz,
  updated_at timestamptz not null,
  primary key (namespace, owner, key)
) with (fillfactor = 50);

-- No other index, so that a put finds room on its page and touches none. A row without an expiry is not in this one either.
create index fairlead_doc_expiry on fairlead_doc (expires_at) where expires_at is not null;

-- Puts one document. expected: -1 any, -2 some, else the exact version (0: none). conflict is the actual version when it is
-- not the expected one, and nothing was written. A version is at least the time in microseconds: a document that is deleted
-- and put again, or whose database was restored, does not have an old version again.
create function fairlead_doc_put(
  p_namespace text, p_tenant text, p_key text, p_expected bigint, p_body text, p_sealed text, p_expires_ms double precision,
  out conflict bigint, out stored bigint
) returns record
  language plpgsql volatile
as $$
declare
  v_now timestamptz := fairlead.now();
  v_least bigint := floor(extract(epoch from v_now) * 1000000)::bigint;
  v_expires timestamptz := v_now + p_expires_ms * interval '1 millisecond';
  v_owner text := coalesce(p_tenant, '');
begin
  -- Again only when the document came or went between two statements.
  loop
    update fairlead_doc d
       set version = greatest(d.version + 1, v_least), body = p_body::json, sealed = p_sealed, expires_at = v_expires,
           updated_at = v_now
     where d.namespace = p_namespace and d.owner = v_owner and d.key = p_key
       and case when d.expires_at is null or d.expires_at > v_now then p_expected in (-1, -2, d.version)
                else p_expected in (-1, 0) end
    returning d.version into stored;
    if stored is not null then
      return;
    end if;
    if p_expected in (-1, 0) then
      insert into fairlead_doc as d (namespace, tenant, key, version, body, sealed, expires_at, updated_at)
      values (p_namespace, p_tenant, p_key, v_least, p_body::json, p_sealed, v_expires, v_now)
      on conflict (namespace, owner, key) do nothing
      returning d.version into stored;
      if stored is not null then
        return;
      end if;
    end if;
    select d.version into conflict from fairlead_doc d
     where d.namespace = p_namespace and d.owner = v_owner and d.key = p_key
       and (d.expires_at is null or d.expires_at > v_now);
    conflict := coalesce(conflict, 0);
    if p_expected <> conflict and p_expected <> -1 and not (p_expected = -2 and conflict > 0) then
      return;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
      -- A snapshot older than the document: the caller has to start over.
      raise exception 'document % was changed by a concurrent transaction', p_key using errcode = 'serialization_failure';
    end if;
  end loop;
end $$;

-- Deletes one document; expected and conflict as above. deleted: whether there was one.
create function fairlead_doc_delete(
  p_namespace text, p_tenant text, p_key text, p_expected bigint, out conflict bigint, out deleted boolean
) returns record
  language plpgsql volatile
as $$
declare
  v_now timestamptz := fairlead.now();
  v_owner text := coalesce(p_tenant, '');
  v_version bigint;
begin
  -- Locked, so that what is decided holds until the caller's transaction ends.
  select d.version into v_version from fairlead_doc d
   where d.namespace = p_namespace and d.owner = v_owner and d.key = p_key
     and (d.expires_at is null or d.expires_at > v_now)
     for update;
  v_version := coalesce(v_version, 0);
  if p_expected in (-1, v_version) or (p_expected = -2 and v_version > 0) then
    delete from fairlead_doc d where d.namespace = p_namespace and d.owner = v_owner and d.key = p_key;
    deleted := v_version > 0;
  else
    conflict := v_version;
  end if;
end $$;
