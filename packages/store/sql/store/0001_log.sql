-- The log: events in the order of their positions, written in the transaction of the state change.

-- One row a stream. Locked before positions are drawn, so that a conflict burns none and the events of a stream
-- have positions in the order of their versions.
create table fairlead_stream (
  stream text primary key,
  version bigint not null
);

-- CACHE 1: a session that drew positions ahead would hold them beyond the lock that tells readers about them.
create sequence fairlead_log_position cache 1 no cycle;

create table fairlead_log (
  position bigint primary key,
  stream text not null,
  version bigint not null,
  id text not null unique,
  type text not null,
  schema_version integer not null,
  key text not null,
  data json not null,
  time timestamptz not null,
  tenant text,
  subject text,
  traceparent text not null,
  correlation_id text not null,
  causation_id text,
  criticality text not null,
  unique (stream, version)
);

alter sequence fairlead_log_position owned by fairlead_log.position;

-- Appends in one round trip. conflict is the actual version when it is not the expected one, and nothing was written.
-- expected: -1 any, -2 some event, else the exact version (0: none yet).
create function fairlead_append(
  p_stream text, p_expected bigint,
  p_ids text[], p_types text[], p_schema_versions integer[], p_keys text[], p_data text[],
  p_tenant text, p_subject text, p_traceparent text, p_correlation_id text, p_causation_id text, p_criticality text
) returns table (conflict bigint, o_position bigint, o_version bigint, o_time timestamptz)
  language plpgsql volatile
as $$
declare
  v_version bigint;
  v_time timestamptz := fairlead.now();
begin
  select s.version into v_version from fairlead_stream s where s.stream = p_stream for no key update;
  if v_version is null then
    if p_expected = -2 or p_expected > 0 then
      return query select 0::bigint, null::bigint, null::bigint, null::timestamptz;
      return;
    end if;
    insert into fairlead_stream (stream, version) values (p_stream, 0) on conflict (stream) do nothing;
    select s.version into v_version from fairlead_stream s where s.stream = p_stream for no key update;
    if v_version is null then
      -- A snapshot older than the stream: only in repeatable read and serializable, where the caller has to start over.
      raise exception 'stream % was begun by a concurrent transaction', p_stream using errcode = 'serialization_failure';
    end if;
  end if;
  if (p_expected >= 0 and v_version <> p_expected) or (p_expected = -2 and v_version = 0) then
    return query select v_version, null::bigint, null::bigint, null::timestamptz;
    return;
  end if;
  update fairlead_stream set version = v_version + cardinality(p_ids) where stream = p_stream;
  return query
    insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time,
                              tenant, subject, traceparent, correlation_id, causation_id, criticality)
    select nextval('fairlead_log_position'), p_stream, v_version + e.ordinal, e.id, e.type, e.schema_version, e.key, e.data::json, v_time,
           p_tenant, p_subject, p_traceparent, p_correlation_id, p_causation_id, p_criticality
      from (select * from unnest(p_ids, p_types, p_schema_versions, p_keys, p_data)
              with ordinality as u (id, type, schema_version, key, data, ordinal) order by ordinal) e
    returning null::bigint, fairlead_log.position, fairlead_log.version, fairlead_log.time;
end $$;
