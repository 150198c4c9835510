-- Jobs: work that is queued in the transaction of the state change, and done at least once.

-- The order of enqueuing. CACHE 1: a job that was enqueued after another one had committed comes after it.
create sequence fairlead_job_seq cache 1 no cycle;

-- state: ready (may be claimed), scheduled (not before run_at), blocked (another of its key comes first), running (claimed by holder,
-- under token), dead (given up; dead_reason says why). Whoever ends a job deletes its row.
create table fairlead_job (
  id uuid primary key,
  seq bigint not null default nextval('fairlead_job_seq'),
  queue text not null,
  -- Empty for none.
  tenant text not null,
  state text not null,
  priority smallint not null,
  key text,
  dedupe text,
  parent uuid,
  payload json not null,
  -- What of the enqueuer's Context goes on.
  origin json not null,
  enqueued_at timestamptz not null,
  run_at timestamptz,
  deadline timestamptz,
  -- Attempts that were begun; above 0 it holds its key until it has ended.
  attempt smallint not null default 0,
  max_attempts smallint not null,
  -- Grows with each claim, so that it names one: what is done under an older one is refused.
  token integer not null default 0,
  -- Who runs it, and the statement that claimed it.
  holder text,
  claim uuid,
  started_at timestamptz,
  -- Whether it counts against the tenant's limit of running jobs.
  capped boolean not null default false,
  failures jsonb,
  progress json,
  dead_reason text,
  ended_at timestamptz
) with (
  autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_insert_scale_factor = 1
);
alter sequence fairlead_job_seq owned by fairlead_job.seq;

create index fairlead_job_ready on fairlead_job (queue, tenant, priority desc, seq) where state = 'ready';
create index fairlead_job_running on fairlead_job (holder) where state = 'running';
create index fairlead_job_capped on fairlead_job (queue, tenant) where state = 'running' and capped;
create index fairlead_job_scheduled on fairlead_job (queue, run_at) where state = 'scheduled';
create index fairlead_job_delayed on fairlead_job (queue, tenant) where state = 'scheduled';
create index fairlead_job_blocked on fairlead_job (queue, tenant, key, seq) where state = 'blocked';
create index fairlead_job_dead on fairlead_job (queue, ended_at) where state = 'dead';
create index fairlead_job_deadline on fairlead_job (deadline) where deadline is not null and state in ('ready', 'scheduled', 'blocked');
create index fairlead_job_key on fairlead_job (queue, tenant, key, seq) where key is not null and state in ('ready', 'blocked');
create index fairlead_job_begun on fairlead_job (queue, tenant, key) where key is not null and (attempt > 0 or state = 'dead');
create index fairlead_job_parent on fairlead_job (parent) where parent is not null;
create unique index fairlead_job_dedupe on fairlead_job (queue, tenant, dedupe) where dedupe is not null and state <> 'dead';

-- One row a queue that was paused or has a rate; the others have none. tat is the theoretical arrival time of GCRA.
create table fairlead_job_queue (
  name text primary key,
  paused boolean not null default false,
  tat timestamptz
) with (fillfactor = 50);

-- Running jobs that are to end. A table of its own: the rows of running jobs belong to their workers.
create table fairlead_job_cancel (
  job uuid primary key,
  at timestamptz not null
);

-- Jobs that have ended, of queues that keep them.
create table fairlead_job_history (
  id uuid not null,
  queue text not null,
  tenant text not null,
  key text,
  parent uuid,
  -- done, cancelled
  outcome text not null,
  attempt smallint not null,
  enqueued_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz not null,
  expires_at timestamptz not null,
  failures jsonb
);
create index fairlead_job_history_expiry on fairlead_job_history (expires_at);
create index fairlead_job_history_queue on fairlead_job_history (queue, ended_at);

-- The lock of a key: held by who claims a job of it, or lets its next one go. Its holders never wait for anything of jobs.
create function fairlead_job_key_lock(p_queue text, p_tenant text, p_key text) returns bigint
  language sql immutable parallel safe
  as $$ select hashtextextended(p_queue || e'\n' || p_tenant || e'\n' || p_key, 1785688931) $$;

-- Lets the next job of each key go, after one has ended. Whoever marks a job as blocked holds the key's lock until its
-- commit, so the statement that follows the lock sees every mark.
create function fairlead_job_unblock(p_queue text, p_tenants text[], p_keys text[]) returns void
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  perform pg_advisory_xact_lock(l.lock) from (
    select distinct fairlead_job_key_lock(p_queue, u.tenant, u.key) as lock
      from unnest(p_tenants, p_keys) as u (tenant, key) order by 1) l;
  -- One that is ready and comes later does not count: it is marked as blocked when somebody comes across it.
  update fairlead_job j set state = 'ready'
    from (select distinct u.tenant, u.key from unnest(p_tenants, p_keys) as u (tenant, key)) k
   where j.id = (select b.id from fairlead_job b
                  where b.queue = p_queue and b.tenant = k.tenant and b.key = k.key and b.state = 'blocked'
                  order by b.seq limit 1)
     and not exists (select from fairlead_job o where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key
                        and (o.attempt > 0 or o.state = 'dead'))
     and not exists (select from fairlead_job o where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key
                        and o.state = 'ready' and o.seq < j.seq);
end $$;

-- Enqueues jobs of one queue and tenant. p_jobs: an array of {id, key, dedupe, priority, delayMs, runAt, deadlineMs, parent,
-- attempts}; p_payloads: their payloads, apart because they may hold what only a text that nobody reads can (\u0000). Answers with null when all were enqueued, otherwise with what became of each: {kind, id} or
-- {kind: over-quota, queued, retryAfterMs}.
create function fairlead_job_enqueue(
  p_queue text, p_tenant text, p_origin json, p_attempts smallint, p_quota integer, p_jobs json,
  p_payloads text[]
) returns json
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_count integer := json_array_length(p_jobs);
  v_queued integer;
  v_room integer := v_count;
  v_inserted uuid[];
  v_oldest timestamptz;
  v_retry double precision;
begin
  if p_quota is not null then
    select count(*) into v_queued from (
      (select from fairlead_job where queue = p_queue and tenant = p_tenant and state = 'ready' limit p_quota)
      union all
      (select from fairlead_job where queue = p_queue and tenant = p_tenant and state = 'blocked' limit p_quota)
      union all
      (select from fairlead_job where queue = p_queue and tenant = p_tenant and state = 'scheduled' limit p_quota)
      limit p_quota) q;
    v_room := greatest(0, p_quota - v_queued);
  end if;
  if v_room > 0 then
    with given as (
      select nextval('fairlead_job_seq') as seq, g.*
        from (select e.id, e.payload::json as payload, e.key, e.dedupe, coalesce(e.priority, 0) as priority, e.parent, e.attempts,
                     v_now + e."deadlineMs" * interval '1 millisecond' as deadline,
                     coalesce(to_timestamp(e."runAt" / 1000), v_now + e."delayMs" * interval '1 millisecond') as run_at
                from rows from (json_to_recordset(p_jobs) as (
                       id uuid, key text, dedupe text, priority smallint, parent uuid, attempts smallint,
                       "delayMs" double precision, "runAt" double precision, "deadlineMs" double precision
                     ), unnest(p_payloads))
                     with ordinality as e (id, key, dedupe, priority, parent, attempts, "delayMs", "runAt", "deadlineMs", payload, o)
               order by e.o limit v_room) g
    ), inserted as (
      insert into fairlead_job (id, seq, queue, tenant, state, priority, key, dedupe, parent, payload, origin, enqueued_at, run_at,
                                deadline, max_attempts)
      -- In one order, so that those who enqueue the same ones don't wait in a circle.
      select g.id, g.seq, p_queue, p_tenant, case when g.run_at > v_now then 'scheduled' else 'ready' end, g.priority, g.key,
             g.dedupe, g.parent, g.payload, p_origin, v_now, case when g.run_at > v_now then g.run_at end, g.deadline,
             coalesce(g.attempts, p_attempts)
        from given g order by g.dedupe
      on conflict (queue, tenant, dedupe) where dedupe is not null and state <> 'dead' do nothing
      returning id)
    select array_agg(id) into v_inserted from inserted;
    if cardinality(v_inserted) = v_count then return null; end if;
  end if;
  if v_room < v_count then
    -- Little's law: what has waited longest tells how long it takes until as many as wait now have begun.
    select enqueued_at into v_oldest from fairlead_job
     where queue = p_queue and tenant = p_tenant and state = 'ready' order by priority desc, seq limit 1;
    v_retry := least(60000, greatest(100,
      coalesce(extract(epoch from v_now - v_oldest) * 1000 / greatest(1, v_queued), 1000)));
  end if;
  return (select json_agg(case
      when e.o > v_room then json_build_object('kind', 'over-quota', 'queued', v_queued + coalesce(cardinality(v_inserted), 0),
                                               'retryAfterMs', v_retry)
      when e.id = any (v_inserted) then json_build_object('kind', 'enqueued', 'id', e.id)
      else json_build_object('kind', 'duplicate', 'id', (
        select d.id from fairlead_job d
         where d.queue = p_queue and d.tenant = p_tenant and d.dedupe = e.dedupe and d.state <> 'dead'))
      end order by e.o)
    from rows from (json_to_recordset(p_jobs) as (id uuid, dedupe text)) with ordinality as e (id, dedupe, o));
end $$;

-- Ends jobs that their worker has done or given up, in the worker's own words. p_outcomes: an array of {id, token, kind, delayMs, code,
-- message, reason}; kind: retry (after delayMs, unless no attempt or time is left), dead (for reason), release (was not begun),
-- cancelled. What is not running under its token any more is passed over.
create function fairlead_job_settle(p_queue text, p_keep_ms double precision, p_outcomes json) returns void
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_tenants text[];
  v_keys text[];
begin
  with o as (
    select * from json_to_recordset(p_outcomes) as o (
      id uuid, token integer, kind text, "delayMs" double precision, code text, message text, reason text)
  ), kept as (
    update fairlead_job j
       set state = case
             when o.kind = 'release' then 'ready'
             when o.kind = 'dead' or j.attempt >= j.max_attempts
                  or v_now + o."delayMs" * interval '1 millisecond' >= j.deadline then 'dead'
             when o."delayMs" > 0 then 'scheduled'
             else 'ready' end,
           dead_reason = case
             when o.kind = 'release' then null
             when o.kind = 'dead' then o.reason
             when j.attempt >= j.max_attempts then 'attempts'
             when v_now + o."delayMs" * interval '1 millisecond' >= j.deadline then 'deadline' end,
           run_at = case when o."delayMs" > 0 then v_now + o."delayMs" * interval '1 millisecond' end,
           ended_at = v_now,
           attempt = case when o.kind = 'release' then j.attempt - 1 else j.attempt end,
           failures = case when o.kind = 'release' then j.failures else coalesce(j.failures, '[]') || jsonb_build_object(
             'attempt', j.attempt, 'at', floor(extract(epoch from v_now) * 1000), 'code', o.code, 'message', o.message) end,
           holder = null, claim = null, started_at = null, capped = false
      from o
     where j.id = o.id and j.token = o.token and j.state = 'running' and o.kind <> 'cancelled'
    returning j.tenant, j.key, j.attempt, j.state
  ), gone as (
    delete from fairlead_job j using o
     where j.id = o.id and j.token = o.token and j.state = 'running' and o.kind = 'cancelled'
    returning j.id, j.tenant, j.key, j.parent, j.attempt, j.enqueued_at, j.started_at, j.failures
  ), told as (
    insert into fairlead_job_history (id, queue, tenant, key, parent, outcome, attempt, enqueued_at, started_at, ended_at, expires_at, failures)
    select g.id, p_queue, g.tenant, g.key, g.parent, 'cancelled', g.attempt, g.enqueued_at, g.started_at, v_now,
           v_now + p_keep_ms * interval '1 millisecond', g.failures
      from gone g where p_keep_ms > 0
  ), uncancelled as (
    delete from fairlead_job_cancel c using gone g where c.job = g.id
  ), keys as (
    -- One that was given back unbegun may have been overtaken: whoever is first now is let go.
    select tenant, key from gone where key is not null
    union all
    select tenant, key from kept where key is not null and attempt = 0 and state = 'ready'
  )
  select array_agg(tenant), array_agg(key) into v_tenants, v_keys from keys;
  if v_keys is not null then perform fairlead_job_unblock(p_queue, v_tenants, v_keys); end if;
end $$;

-- Ends jobs that were done. Answers with how many were still running under their tokens.
create function fairlead_job_complete(p_queue text, p_keep_ms double precision, p_ids uuid[], p_tokens integer[]) returns integer
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_count integer;
  v_tenants text[];
  v_keys text[];
begin
  if p_keep_ms > 0 then
    with gone as (
      delete from fairlead_job j using unnest(p_ids, p_tokens) as d (id, token)
       where j.id = d.id and j.token = d.token and j.state = 'running'
      returning j.id, j.tenant, j.key, j.parent, j.attempt, j.enqueued_at, j.started_at, j.failures
    ), told as (
      insert into fairlead_job_history (id, queue, tenant, key, parent, outcome, attempt, enqueued_at, started_at, ended_at, expires_at, failures)
      select g.id, p_queue, g.tenant, g.key, g.parent, 'done', g.attempt, g.enqueued_at, g.started_at, v_now,
             v_now + p_keep_ms * interval '1 millisecond', g.failures from gone g
    )
    select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
      into v_count, v_tenants, v_keys from gone;
  else
    with gone as (
      delete from fairlead_job j using unnest(p_ids, p_tokens) as d (id, token)
       where j.id = d.id and j.token = d.token and j.state = 'running'
      returning j.tenant, j.key
    )
    select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
      into v_count, v_tenants, v_keys from gone;
  end if;
  if v_keys is not null then perform fairlead_job_unblock(p_queue, v_tenants, v_keys); end if;
  return v_count;
end $$;
