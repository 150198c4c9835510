-- Events that concern nobody but the service whose log it is. Said when they are appended and not when they are read: who
-- reads may be another release, with other ideas of what is published.

-- true: no relay copies it. null: what every event was before.
alter table fairlead_log add column private boolean;

-- Appends in one round trip and answers with one row. conflict is the actual version when it is not the expected one, and
-- nothing was written; else first_version and time are those of the first event, positions those of all, in order.
-- expected: -1 any, -2 some event, else the exact version (0: none yet). p_private: which of the events are; null for none.
create function fairlead_log_append(
  p_stream text, p_expected bigint,
  p_ids text[], p_types text[], p_schema_versions integer[], p_keys text[], p_data text[], p_sealed text,
  p_tenant text, p_subject text, p_traceparent text, p_correlation_id text, p_causation_id text, p_criticality text,
  p_private boolean[],
  out conflict bigint, out first_version bigint, out positions text, out at timestamptz
) returns record
  language plpgsql volatile
as $$
declare
  v_count integer := cardinality(p_ids);
  v_version bigint;
  v_position bigint;
begin
  at := fairlead.now();
  -- The stream's row is locked before positions are drawn: see 0001_log.sql.
  loop
    if p_expected <> 0 then
      update fairlead_stream s set version = s.version + v_count
       where s.stream = p_stream and (p_expected = -1 or s.version = p_expected or (p_expected = -2 and s.version > 0))
      returning s.version into v_version;
      exit when found;
    end if;
    if p_expected in (-1, 0) then
      insert into fairlead_stream as s (stream, version) values (p_stream, v_count)
      on conflict (stream) do nothing returning s.version into v_version;
      exit when found;
      -- Begun while this looked away, or there without an event.
      update fairlead_stream s set version = s.version + v_count
       where s.stream = p_stream and (p_expected = -1 or s.version = 0) returning s.version into v_version;
      exit when found;
    end if;
    -- Locked, so that the answer stays true until the caller's transaction ends.
    select s.version into conflict from fairlead_stream s where s.stream = p_stream for no key update;
    if not found then
      if p_expected in (-1, 0) then
        -- A snapshot older than the stream: only in repeatable read and serializable, where the caller has to start over.
        raise exception 'stream % was begun by a concurrent transaction', p_stream using errcode = 'serialization_failure';
      end if;
      conflict := 0;
      return;
    end if;
    if conflict <> p_expected and not (p_expected = -2 and conflict > 0) then
      return;
    end if;
    -- It became what was expected between the two looks.
    conflict := null;
  end loop;
  first_version := v_version - v_count + 1;
  if v_count = 1 then
    insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time, sealed,
                              tenant, subject, traceparent, correlation_id, causation_id, criticality, private)
    values (nextval('fairlead_log_position'), p_stream, v_version, p_ids[1], p_types[1], p_schema_versions[1], p_keys[1],
            p_data[1]::json, at, p_sealed,
            p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality, p_private[1])
    returning position into v_position;
    positions := v_position::text;
  else
    with written as (
      insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time, sealed,
                                tenant, subject, traceparent, correlation_id, causation_id, criticality, private)
      select nextval('fairlead_log_position'), p_stream, v_version - v_count + e.ordinal, e.id, e.type, e.schema_version, e.key,
             e.data::json, at, p_sealed,
             p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality, e.private
        from unnest(p_ids, p_types, p_schema_versions, p_keys, p_data, p_private)
               with ordinality as e (id, type, schema_version, key, data, private, ordinal)
      returning fairlead_log.position
    )
    select string_agg(w.position::text, ',' order by w.position) into positions from written w;
  end if;
end $$;

-- For releases that know nothing of private events.
create or replace function fairlead_log_append(
  p_stream text, p_expected bigint,
  p_ids text[], p_types text[], p_schema_versions integer[], p_keys text[], p_data text[], p_sealed text,
  p_tenant text, p_subject text, p_traceparent text, p_correlation_id text, p_causation_id text, p_criticality text,
  out conflict bigint, out first_version bigint, out positions text, out at timestamptz
) returns record
  language sql volatile
as $$
  select a.conflict, a.first_version, a.positions, a.at
    from fairlead_log_append(p_stream, p_expected, p_ids, p_types, p_schema_versions, p_keys, p_data, p_sealed,
                             p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality, null) a
$$;
