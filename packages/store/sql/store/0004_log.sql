-- The log's second file: appends that do less, epochs, retention.

-- Which key seals the data; null: it lies in the clear.
alter table fairlead_log add column sealed text;

-- A stream's version changes with every append: room on its page lets the new row stay off the index.
alter table fairlead_stream set (fillfactor = 80);

-- Positions repeat after a restore, for what was appended after the backup is drawn again. An epoch tells the two apart: a
-- cursor of an older one is still true when it is not beyond where the next one began.
create table fairlead_log_epoch (
  -- Microseconds of the time at which it began; greater than all before it.
  epoch bigint primary key,
  began_after bigint not null
);

insert into fairlead_log_epoch (epoch, began_after)
  select floor(extract(epoch from fairlead.now()) * 1000000)::bigint, 0;

-- One row: what was trimmed ends here. Readers that begin below it would miss events.
create table fairlead_log_trim (
  one boolean primary key default true check (one),
  through bigint not null
);

insert into fairlead_log_trim (through) values (0);

-- Begins an epoch: for whoever has put an older state of this database in place of a newer one.
create function fairlead_log_begin_epoch() returns bigint
  language sql volatile
as $$
  insert into fairlead_log_epoch (epoch, began_after)
  select greatest(floor(extract(epoch from fairlead.now()) * 1000000)::bigint, coalesce(max(e.epoch), 0) + 1),
         greatest((select coalesce(max(l.position), 0) from fairlead_log l), (select t.through from fairlead_log_trim t))
    from fairlead_log_epoch e
  returning epoch
$$;

-- Whether a reader may go on after p_after. p_epoch: the one that it takes the log to be in, null for none.
-- FL001: the log is in another one. FL002: trimmed through (detail).
create function fairlead_log_check(p_epoch bigint, p_after bigint) returns boolean
  language plpgsql stable
as $$
declare
  v_through bigint;
begin
  if p_epoch <> (select max(e.epoch) from fairlead_log_epoch e) then
    raise exception 'the log is not in the epoch %', p_epoch using errcode = 'FL001';
  end if;
  select t.through into v_through from fairlead_log_trim t;
  if p_after < v_through then
    raise exception 'the log was trimmed through %', v_through using errcode = 'FL002', detail = v_through::text;
  end if;
  return true;
end $$;

-- Appends in one round trip and answers with one row. conflict is the actual version when it is not the expected one, and
-- nothing was written; else first_version and time are those of the first event, positions those of all, in order.
-- expected: -1 any, -2 some event, else the exact version (0: none yet).
create function fairlead_log_append(
  p_stream text, p_expected bigint,
  p_ids text[], p_types text[], p_schema_versions integer[], p_keys text[], p_data text[], p_sealed text,
  p_tenant text, p_subject text, p_traceparent text, p_correlation_id text, p_causation_id text, p_criticality text,
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
                              tenant, subject, traceparent, correlation_id, causation_id, criticality)
    values (nextval('fairlead_log_position'), p_stream, v_version, p_ids[1], p_types[1], p_schema_versions[1], p_keys[1],
            p_data[1]::json, at, p_sealed,
            p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality)
    returning position into v_position;
    positions := v_position::text;
  else
    with written as (
      insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time, sealed,
                                tenant, subject, traceparent, correlation_id, causation_id, criticality)
      select nextval('fairlead_log_position'), p_stream, v_version - v_count + e.ordinal, e.id, e.type, e.schema_version, e.key,
             e.data::json, at, p_sealed,
             p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality
        from unnest(p_ids, p_types, p_schema_versions, p_keys, p_data)
               with ordinality as e (id, type, schema_version, key, data, ordinal)
      returning fairlead_log.position
    )
    select string_agg(w.position::text, ',' order by w.position) into positions from written w;
  end if;
end $$;
