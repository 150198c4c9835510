-- A claim of many jobs is one row, and the jobs' rows stay as they are until they end.

-- Jobs that a worker claimed together. One of them runs while its row is ready under the same token: whoever gives it back or goes on
-- with it otherwise lets the token grow, and whoever ends it deletes it, so nobody has to write here for single jobs of a claim. Its row
-- goes when all of them have ended. What takes longer than others is written into the jobs' own rows, as claims of few are from the
-- beginning (state running), so that there are never more of these than there were claims lately.
create table fairlead_job_claim (
  id uuid primary key,
  queue text not null,
  holder text not null,
  claimed_at timestamptz not null,
  -- The transaction that made it: below the lowest that is running or has a claim here, all are gone.
  xid xid8 not null default pg_current_xact_id(),
  jobs uuid[] not null,
  tokens integer[] not null,
  -- Locks of their keys.
  locks bigint[] not null,
  -- Up to where it took jobs: by tenant and priority the last one.
  tenants text[] not null,
  priorities smallint[] not null,
  seqs bigint[] not null
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0, toast_tuple_target = 8160);
create index fairlead_job_claim_queue on fairlead_job_claim (queue, xid);
create index fairlead_job_claim_holder on fairlead_job_claim (holder);

-- Their jobs, one by one. (job, token) is in it while the job runs by such a claim; a job that is gone, too, for a while.
create view fairlead_job_claimed as
  select c.id as claim, c.queue, c.holder, c.claimed_at, c.xid, u.job, u.token
    from fairlead_job_claim c, unnest(c.jobs, c.tokens) as u (job, token);

-- As before; asks first whether anything is blocked at all.
create or replace function fairlead_job_unblock(p_queue text, p_tenants text[], p_keys text[]) returns void
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  perform pg_advisory_xact_lock(l.lock) from (
    select distinct fairlead_job_key_lock(p_queue, u.tenant, u.key) as lock
      from unnest(p_tenants, p_keys) as u (tenant, key) order by 1) l;
  if not exists (select from fairlead_job b where b.queue = p_queue and b.state = 'blocked') then return; end if;
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

-- As before; what runs does not count against the quota.
create or replace function fairlead_job_enqueue(
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
      (select from fairlead_job where queue = p_queue and tenant = p_tenant and state = 'ready'
          and (id, token) not in (select c.job, c.token from fairlead_job_claimed c where c.queue = p_queue) limit p_quota)
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
     where queue = p_queue and tenant = p_tenant and state = 'ready'
       and (id, token) not in (select c.job, c.token from fairlead_job_claimed c where c.queue = p_queue)
     order by priority desc, seq limit 1;
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
-- cancelled. What does not run under its token any more is passed over. An attempt of a job that was claimed with many others is
-- counted here; one that is written into its own row was counted then.
create or replace function fairlead_job_settle(p_queue text, p_keep_ms double precision, p_outcomes json) returns void
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
             when o.kind = 'dead' or j.attempt + (j.state = 'ready')::integer >= j.max_attempts
                  or v_now + o."delayMs" * interval '1 millisecond' >= j.deadline then 'dead'
             when o."delayMs" > 0 then 'scheduled'
             else 'ready' end,
           dead_reason = case
             when o.kind = 'release' then null
             when o.kind = 'dead' then o.reason
             when j.attempt + (j.state = 'ready')::integer >= j.max_attempts then 'attempts'
             when v_now + o."delayMs" * interval '1 millisecond' >= j.deadline then 'deadline' end,
           run_at = case when o."delayMs" > 0 then v_now + o."delayMs" * interval '1 millisecond' end,
           ended_at = v_now,
           attempt = case when o.kind = 'release' then j.attempt - (j.state = 'running')::integer
                          else j.attempt + (j.state = 'ready')::integer end,
           token = j.token + 1,
           failures = case when o.kind = 'release' then j.failures else coalesce(j.failures, '[]') || jsonb_build_object(
             'attempt', j.attempt + (j.state = 'ready')::integer, 'at', floor(extract(epoch from v_now) * 1000), 'code', o.code, 'message', o.message) end,
           holder = null, claim = null, started_at = null, capped = false
      from o
     where j.id = o.id and j.token = o.token and j.state in ('running', 'ready') and o.kind <> 'cancelled'
    returning j.tenant, j.key, j.attempt, j.state
  ), gone as (
    delete from fairlead_job j using o
     where j.id = o.id and j.token = o.token and j.state in ('running', 'ready') and o.kind = 'cancelled'
    returning j.id, j.tenant, j.key, j.parent, (j.attempt + (j.state = 'ready')::integer)::smallint as attempt, j.enqueued_at, j.started_at, j.failures
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
create or replace function fairlead_job_complete(p_queue text, p_keep_ms double precision, p_ids uuid[], p_tokens integer[]) returns integer
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_token integer;
  v_ids uuid[];
  v_gone integer;
  v_count integer := 0;
  v_tenants text[];
  v_keys text[];
  v_all_tenants text[];
  v_all_keys text[];
begin
  -- By token, of which there are few different ones: a search for a list of ids costs half of a join.
  for v_token, v_ids in select d.token, array_agg(d.id) from unnest(p_ids, p_tokens) as d (id, token) group by 1 loop
    if p_keep_ms > 0 then
      with gone as (
        delete from fairlead_job j
         where j.id = any (v_ids) and j.token = v_token and j.state in ('running', 'ready')
        returning j.id, j.tenant, j.key, j.parent, (j.attempt + (j.state = 'ready')::integer)::smallint as attempt,
                  j.enqueued_at, j.started_at, j.failures
      ), told as (
        insert into fairlead_job_history (id, queue, tenant, key, parent, outcome, attempt, enqueued_at, started_at, ended_at, expires_at, failures)
        select g.id, p_queue, g.tenant, g.key, g.parent, 'done', g.attempt, g.enqueued_at, g.started_at, v_now,
               v_now + p_keep_ms * interval '1 millisecond', g.failures from gone g
      )
      select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
        into v_gone, v_tenants, v_keys from gone;
    else
      with gone as (
        delete from fairlead_job j
         where j.id = any (v_ids) and j.token = v_token and j.state in ('running', 'ready')
        returning j.tenant, j.key
      )
      select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
        into v_gone, v_tenants, v_keys from gone;
    end if;
    v_count := v_count + v_gone;
    v_all_tenants := v_all_tenants || v_tenants;
    v_all_keys := v_all_keys || v_keys;
  end loop;
  if v_all_keys is not null then perform fairlead_job_unblock(p_queue, v_all_tenants, v_all_keys); end if;
  return v_count;
end $$;

-- What a worker does in one statement: ends the jobs that it has done (p_done under p_tokens) and those that failed (p_outcomes, as
-- fairlead_job_settle has them), and claims up to p_want others.
--
-- Claims of p_many jobs and more are one row of fairlead_job_claim, unless tenants are capped or what has ended is kept; others are
-- written into the jobs' rows, all of them when p_many is null. Of claims that are rows, all jobs of those in p_whole are done (and not in
-- p_done), all of those in p_over have ended otherwise, and those in p_slow last: what still runs of them is written into the jobs' rows.
-- p_low: what the answer before said is the lowest transaction that may have a claim here, so that those that are gone and not yet
-- vacuumed cost nothing; null at first.
--
-- Whose turn it is: each tenant with ready jobs has a start (p_starts for p_tenants; 0 for others) and a cost per job (p_costs;
-- 1 for others); the jobs with the lowest start + n * cost are taken, n counting the tenant's jobs from 0. p_tenants are those
-- whose start or cost is not the usual one. At most 256 tenants are looked at, or as many as jobs are wanted; p_after says after which to begin.
--
-- Index entries of jobs that are gone stay until the next vacuum, and at the head of each tenant's there are many. So whoever has
-- looked a moment ago says who had jobs (p_lanes), up to where it took them (p_priorities, p_seqs) and how many of each to take
-- (p_takes; null: it is found out here), and they are taken from there on; with null, or when that was not enough, everything is looked at.
--
-- The last row tells about the claim, in o_origin: {looked (at everything), done, ended (the holder has no row), waitMs (for the rate), after (the last tenant
-- looked at, when there are more), tenants, dueMs (until the next scheduled one), many (whether some are in the claim's row),
-- low (for p_low)}; the others are jobs.
create function fairlead_job_take(
  p_queue text, p_holder text, p_claim uuid, p_keep_ms double precision,
  p_done uuid[], p_tokens integer[], p_outcomes json,
  p_want integer, p_after text, p_tenants text[], p_starts double precision[], p_costs double precision[],
  p_lanes text[], p_priorities smallint[], p_seqs bigint[],
  p_max_running integer, p_rate integer, p_rate_ms double precision,
  p_takes integer[], p_many integer, p_whole uuid[], p_over uuid[], p_slow uuid[], p_low xid8
) returns table (
  o_id uuid, o_token integer, o_tenant text, o_key text, o_parent uuid, o_payload text, o_origin text, o_priority smallint,
  o_attempt smallint, o_max_attempts smallint, o_seq bigint, o_enqueued_ms double precision, o_deadline_ms double precision,
  o_left_ms double precision
)
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_done integer := 0;
  v_jobs uuid[];
  v_tokens integer[];
  v_left integer := p_want;
  v_ended boolean := false;
  v_wait double precision;
  v_tat timestamptz;
  v_step interval;
  v_scan integer := greatest(256, p_want);
  v_seen text[] := '{}';
  v_lanes text[];
  v_rooms integer[];
  v_takes integer[];
  v_after text;
  v_picked tid[];
  v_keyed tid[];
  v_late tid[];
  v_bound tid[];
  v_locks bigint[];
  v_heads tid[];
  v_claims uuid[];
  v_fronts jsonb;
  v_alone tid[];
  v_lost tid[];
  v_many integer := case when p_max_running is null and p_keep_ms = 0 then p_many end;
  v_joint boolean := false;
  v_keys integer;
  v_rows integer;
  v_blocked integer;
  v_claimed integer := 0;
  v_skipped tid[] := '{}';
  v_rounds integer := 0;
  v_due double precision;
  v_look boolean := p_lanes is null;
  v_low xid8 := coalesce(p_low, '0');
begin
  if cardinality(p_done) > 0 then v_done := fairlead_job_complete(p_queue, p_keep_ms, p_done, p_tokens); end if;
  if p_outcomes is not null then perform fairlead_job_settle(p_queue, p_keep_ms, p_outcomes); end if;
  if cardinality(p_whole) > 0 then
    with gone as (
      delete from fairlead_job_claim c where c.id = any (p_whole) returning c.jobs, c.tokens
    )
    select array_agg(u.job), array_agg(u.token) into v_jobs, v_tokens from gone g, unnest(g.jobs, g.tokens) as u (job, token);
    if v_jobs is not null then v_done := v_done + fairlead_job_complete(p_queue, p_keep_ms, v_jobs, v_tokens); end if;
  end if;
  if cardinality(p_slow) > 0 then
    with slow as (
      select c.claim, c.holder, c.claimed_at, c.job, c.token from fairlead_job_claimed c where c.claim = any (p_slow)
    )
    update fairlead_job j
       set state = 'running', attempt = j.attempt + 1, holder = s.holder, claim = s.claim, started_at = s.claimed_at
      from slow s
     where j.id = s.job and j.token = s.token and j.state = 'ready';
  end if;
  if cardinality(p_over) > 0 or cardinality(p_slow) > 0 then
    delete from fairlead_job_claim c where c.id = any (p_over || p_slow);
  end if;

  if v_left > 0 and not exists (select from fairlead_lease_holder h where h.id = p_holder) then
    v_ended := true;
    v_left := 0;
  end if;
  if v_left > 0 and exists (select from fairlead_job_queue q where q.name = p_queue and q.paused) then v_left := 0; end if;
  if v_left > 0 then
    update fairlead_job set state = 'ready' where id in (
      select j.id from fairlead_job j where j.queue = p_queue and j.state = 'scheduled' and j.run_at <= v_now
       order by j.run_at limit greatest(100, p_want) for update skip locked);
  end if;
  if v_left > 0 and p_rate is not null and exists (select from fairlead_job j where j.queue = p_queue and j.state = 'ready') then
    insert into fairlead_job_queue (name) values (p_queue) on conflict (name) do nothing;
    select greatest(coalesce(q.tat, v_now), v_now) into v_tat from fairlead_job_queue q where q.name = p_queue for no key update;
    v_now := fairlead.now();
    v_tat := greatest(v_tat, v_now);
    v_step := p_rate_ms / p_rate * interval '1 millisecond';
    v_left := least(v_left, floor(extract(epoch from v_now + p_rate * v_step - v_tat) / extract(epoch from v_step) + 1e-6)::integer);
    if v_left <= 0 then
      v_left := 0;
      v_wait := extract(epoch from v_tat + v_step - v_now - p_rate * v_step) * 1000;
    end if;
  end if;

  while v_left > 0 and v_rounds < 12 loop
    v_rounds := v_rounds + 1;
    -- Everything is looked at when that was not enough; what others took meanwhile says nothing about that.
    if v_rounds > 1 and v_lost is null then v_look := true; end if;
    v_lost := null;
    if not v_look then
      v_lanes := p_lanes;
    else
      -- Tenants with something ready, by hopping over the index; from p_after on and around.
      with recursive lane as (
        (select j.tenant, 1 as n from fairlead_job j
          where j.queue = p_queue and j.state = 'ready' and j.tenant > p_after order by j.tenant limit 1)
        union all
        select (select j.tenant from fairlead_job j
                 where j.queue = p_queue and j.state = 'ready' and j.tenant > l.tenant order by j.tenant limit 1), l.n + 1
          from lane l where l.tenant is not null and l.n < v_scan
      ), wrapped as (
        select l.tenant, l.n from lane l where l.tenant is not null
        union all
        select w.tenant, 1000000 + w.n from (
          with recursive first as (
            (select j.tenant, 1 as n from fairlead_job j
              where j.queue = p_queue and j.state = 'ready' order by j.queue, j.tenant limit 1)
            union all
            select (select j.tenant from fairlead_job j
                     where j.queue = p_queue and j.state = 'ready' and j.tenant > f.tenant order by j.tenant limit 1), f.n + 1
              from first f where f.tenant is not null and f.tenant <= p_after and f.n < v_scan)
          select f.tenant, f.n from first f where f.tenant <= p_after) w
      )
      select array_agg(w.tenant order by w.n) into v_lanes from (select w.tenant, w.n from wrapped w order by w.n limit v_scan) w;
      exit when v_lanes is null;
      v_seen := v_lanes;
      if cardinality(v_lanes) = v_scan then v_after := v_lanes[v_scan]; end if;
    end if;

    if not v_look and p_takes is not null and v_left = p_want then
      v_takes := p_takes;
    else
      if p_max_running is null then
        v_rooms := array_fill(v_left, array[cardinality(v_lanes)]);
      else
        -- The lock makes count and claim one step; who doesn't get it lets this tenant be for now.
        select array_agg(case when pg_try_advisory_xact_lock(hashtextextended(p_queue || e'\n' || l.tenant, 977460512)) then l.n else 0 end order by l.o),
               array_agg(l.tenant order by l.o)
          into v_rooms, v_lanes
          from (select u.tenant, u.o, v_left as n from unnest(v_lanes) with ordinality as u (tenant, o)) l;
        select array_agg(least(l.n, greatest(0, p_max_running - (
                 select count(*) from fairlead_job j
                  where j.queue = p_queue and j.tenant = l.tenant and j.state = 'running' and j.capped)))::integer order by l.o)
          into v_rooms from unnest(v_lanes, v_rooms) with ordinality as l (tenant, n, o);
      end if;

      if cardinality(v_lanes) = 1 then
        v_takes := array[least(v_left, v_rooms[1])];
      else
        -- How far all are filled up until what is wanted is there: water poured into vessels with different grounds.
        with lane as (
          select l.room, l.o, coalesce(s.start, 0) as start, coalesce(s.cost, 1) as cost
            from unnest(v_lanes, v_rooms) with ordinality as l (tenant, room, o)
            left join unnest(p_tenants, p_starts, p_costs) as s (tenant, start, cost) on s.tenant = l.tenant
           where l.room > 0
        ), filled as (
          select (v_left + sum(l.start / l.cost) over w) / sum(1 / l.cost) over w as level, lead(l.start) over w as next, l.start
            from lane l window w as (order by l.start, l.o)
        ), chosen as (
          select min(f.level) as level from filled f where f.next is null or f.level <= f.next
        ), turns as (
          select l.o, l.start + t.n * l.cost as turn
            from chosen c, lane l,
                 lateral generate_series(0, least(l.room, ceil((c.level - l.start) / l.cost)::integer) - 1) as t (n)
           where l.start < c.level
        ), taken as (
          select t.o, count(*)::integer as n from (select t.o from turns t order by t.turn, t.o limit v_left) t group by t.o
        )
        select array_agg(coalesce(t.n, 0) order by l.o) into v_takes
          from generate_subscripts(v_lanes, 1) as l (o) left join taken t on t.o = l.o;
        if 0 >= all (v_takes) then v_takes := null; end if;
      end if;
    end if;
    exit when v_takes is null and v_look;
    continue when v_takes is null;

    -- From here on rows go by where they lie: they are locked and stay there.
    with c as materialized (
      select c.id, c.tenants, c.priorities, c.seqs from fairlead_job_claim c where c.queue = p_queue and c.xid >= v_low
    )
    select (select coalesce(array_agg(c.id), '{}') from c),
           (select jsonb_object_agg(f.tenant || e'\n' || f.priority, f.seq)
              from (select f.tenant, f.priority, max(f.seq) as seq
                      from c, unnest(c.tenants, c.priorities, c.seqs) as f (tenant, priority, seq) group by 1, 2) f)
      into v_claims, v_fronts;
    if v_look then
      select array_agg(p.at), array_agg(p.at) filter (where p.key is not null), array_agg(p.at) filter (where p.deadline <= v_now)
        into v_picked, v_keyed, v_late
        from unnest(v_lanes, v_takes) as l (tenant, n),
             lateral (select j.ctid as at, j.key, j.deadline from fairlead_job j
                       where j.queue = p_queue and j.state = 'ready' and j.tenant = l.tenant and j.ctid <> all (v_skipped)
                         and (j.id, j.token) not in (
                               select c.job, c.token from fairlead_job_claimed c where c.queue = p_queue and c.xid >= v_low)
                       order by j.priority desc, j.seq limit l.n for update skip locked) p;
      exit when v_picked is null;
    else
      select array_agg(p.at), array_agg(p.at) filter (where p.key is not null), array_agg(p.at) filter (where p.deadline <= v_now)
        into v_picked, v_keyed, v_late
        from unnest(p_lanes, p_priorities, p_seqs, v_takes) as h (tenant, priority, seq, n),
             lateral (select j.ctid as at, j.key, j.deadline from fairlead_job j
                       where j.queue = p_queue and j.state = 'ready' and j.tenant = h.tenant and j.priority = h.priority
                         -- Beyond what other claims took.
                         and j.seq > greatest(h.seq, (v_fronts ->> (h.tenant || e'\n' || h.priority))::bigint)
                       order by j.seq limit h.n for update skip locked) p;
      continue when v_picked is null;
    end if;

    -- Claims of many lock their jobs until they commit. One that did so meanwhile is seen by now.
    if exists (select from fairlead_job_claim c where c.queue = p_queue and c.xid >= v_low and c.id <> all (v_claims)) then
      select array_agg(j.ctid) into v_lost from fairlead_job j
       where j.ctid = any (v_picked)
         and (j.id, j.token) in (
               select c.job, c.token from fairlead_job_claimed c
                where c.queue = p_queue and c.xid >= v_low and c.claim <> all (v_claims));
      if v_lost is not null then
        select array_agg(p) into v_picked from unnest(v_picked) p where p <> all (v_lost);
        select array_agg(p) into v_keyed from unnest(v_keyed) p where p <> all (v_lost);
        select array_agg(p) into v_late from unnest(v_late) p where p <> all (v_lost);
        continue when v_picked is null;
      end if;
    end if;
    if v_late is not null then
      update fairlead_job set state = 'dead', dead_reason = 'deadline', ended_at = v_now where ctid = any (v_late);
      select array_agg(p) into v_picked from unnest(v_picked) p where p <> all (v_late);
      select array_agg(p) into v_keyed from unnest(v_keyed) p where p <> all (v_late);
    end if;
    v_blocked := 0;
    v_locks := null;
    if v_keyed is not null then
      -- Whose key's lock can be had. Then, in a statement that sees what its last owner did: who of these is first.
      select array_agg(b.at), array_agg(b.lock) into v_bound, v_locks
        from (select k.ctid as at, fairlead_job_key_lock(p_queue, k.tenant, k.key) as lock from fairlead_job k where k.ctid = any (v_keyed) offset 0) b
       where pg_try_advisory_xact_lock(b.lock);
      -- Most are the only one of their key, and then all are found at once.
      select sum(cardinality(g.keys)), sum(o.n) into v_keys, v_rows
        from (select k.tenant, array_agg(distinct k.key) as keys from fairlead_job k where k.ctid = any (v_bound) group by 1) g,
             lateral (select count(*) as n from (
               select from fairlead_job o
                where o.queue = p_queue and o.tenant = g.tenant and o.key = any (g.keys) and o.state in ('ready', 'blocked')
                limit cardinality(g.keys) + 1) x) o;
      if v_keys = v_rows and v_rows = cardinality(v_bound) and not exists (
           select from fairlead_job o where o.queue = p_queue and o.key is not null and (o.attempt > 0 or o.state = 'dead')) then
        v_alone := v_bound;
      else
        select array_agg(k.ctid) into v_alone from fairlead_job k
         where k.ctid = any (v_bound)
           and not exists (select from fairlead_job o
                            where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and o.state in ('ready', 'blocked')
                              and o.seq <> k.seq offset 0)
           and not exists (select from fairlead_job o
                            where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and (o.attempt > 0 or o.state = 'dead') offset 0);
      end if;
      v_heads := v_alone;
      if cardinality(v_bound) > coalesce(cardinality(v_alone), 0) then
        select coalesce(v_alone, '{}') || coalesce(array_agg(k.ctid), '{}') into v_heads
          from unnest(v_bound, v_locks) as b (at, lock), fairlead_job k
         where k.ctid = b.at and b.at <> all (coalesce(v_alone, '{}'))
           and not exists (select from fairlead_job o
                            where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and (o.attempt > 0 or o.state = 'dead') and o.id <> k.id)
           and (k.attempt > 0 or not exists (
                 select from fairlead_job o
                  where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and o.state in ('ready', 'blocked') and o.seq < k.seq))
           and not exists (
                 select from fairlead_job_claim c, unnest(c.jobs, c.tokens) as u (job, token), fairlead_job o
                  where c.queue = p_queue and c.xid >= v_low and b.lock = any (c.locks) and o.id = u.job and o.token = u.token and o.state = 'ready'
                    and o.tenant = k.tenant and o.key = k.key and o.id <> k.id);
      end if;
      if cardinality(v_keyed) > coalesce(cardinality(v_heads), 0) then
        update fairlead_job set state = 'blocked' where ctid = any (v_bound) and ctid <> all (coalesce(v_heads, '{}'));
        get diagnostics v_blocked = row_count;
        select coalesce(v_skipped || array_agg(k), v_skipped) into v_skipped
          from unnest(v_keyed) k where k <> all (coalesce(v_bound, '{}'));
        select array_agg(p) into v_picked
          from unnest(v_picked) p where p <> all (v_keyed) or p = any (coalesce(v_heads, '{}'));
      end if;
    end if;
    if v_picked is not null then
      -- At once: the next round has to see them as running. All of one statement in the same way: they may be ended by the claim's name.
      if v_claimed = 0 then v_joint := coalesce(cardinality(v_picked) >= v_many, false); end if;
      if v_joint then
        insert into fairlead_job_claim as c (id, queue, holder, claimed_at, jobs, tokens, locks, tenants, priorities, seqs)
        select p_claim, p_queue, p_holder, v_now, a.jobs, a.tokens, coalesce(v_locks, '{}'), f.tenants, f.priorities, f.seqs
          from (select array_agg(j.id) as jobs, array_agg(j.token) as tokens
                  from fairlead_job j where j.ctid = any (v_picked)) a,
               (select array_agg(l.tenant) as tenants, array_agg(l.priority) as priorities, array_agg(l.seq) as seqs
                  from (select j.tenant, j.priority, max(j.seq) as seq from fairlead_job j where j.ctid = any (v_picked) group by 1, 2) l) f
        on conflict (id) do update
           set jobs = c.jobs || excluded.jobs, tokens = c.tokens || excluded.tokens, locks = c.locks || excluded.locks,
               tenants = c.tenants || excluded.tenants, priorities = c.priorities || excluded.priorities, seqs = c.seqs || excluded.seqs;
        return query
          select j.id, j.token, j.tenant, j.key, j.parent, j.payload::text, j.origin::text, j.priority, (j.attempt + 1)::smallint, j.max_attempts,
                 j.seq, floor(date_part('epoch', j.enqueued_at) * 1000),
                 floor(date_part('epoch', j.deadline) * 1000),
                 date_part('epoch', j.deadline - v_now) * 1000
            from fairlead_job j where j.ctid = any (v_picked);
      else
        return query
          update fairlead_job j
             set state = 'running', attempt = j.attempt + 1, token = j.token + 1, holder = p_holder, claim = p_claim, started_at = v_now,
                 capped = p_max_running is not null
           where j.ctid = any (v_picked)
          returning j.id, j.token, j.tenant, j.key, j.parent, j.payload::text, j.origin::text, j.priority, j.attempt, j.max_attempts, j.seq,
                    floor(date_part('epoch', j.enqueued_at) * 1000),
                    floor(date_part('epoch', j.deadline) * 1000),
                    date_part('epoch', j.deadline - v_now) * 1000;
      end if;
      v_claimed := v_claimed + cardinality(v_picked);
      v_left := v_left - cardinality(v_picked);
    end if;
    exit when v_look and v_picked is null and v_blocked = 0 and v_late is null;
  end loop;

  if v_tat is not null and v_claimed > 0 then
    update fairlead_job_queue set tat = v_tat + v_claimed * v_step where name = p_queue;
  end if;
  if v_rounds > 0 then
    select least(min(c.xid), pg_snapshot_xmin(pg_current_snapshot())) into v_low
      from fairlead_job_claim c where c.queue = p_queue and c.xid >= v_low;
  end if;
  if v_left > 0 then
    select extract(epoch from j.run_at - v_now) * 1000 into v_due from fairlead_job j
     where j.queue = p_queue and j.state = 'scheduled' order by j.run_at limit 1;
  end if;
  -- Somebody is just ending or claiming one of these keys.
  if cardinality(v_skipped) > 0 then v_due := least(v_due, 5); end if;
  return query select null::uuid, null::integer, null::text, null::text, null::uuid, null::text,
    json_build_object('looked', v_look, 'done', v_done, 'ended', v_ended, 'waitMs', v_wait, 'dueMs', v_due, 'after', v_after, 'tenants', v_seen,
                      'many', v_joint, 'low', v_low::text)::text,
    null::smallint, null::smallint, null::smallint, null::bigint, null::double precision, null::double precision, null::double precision;
end $$;

-- The same for workers that know nothing of claims of many.
create or replace function fairlead_job_exchange(
  p_queue text, p_holder text, p_claim uuid, p_keep_ms double precision,
  p_done uuid[], p_tokens integer[], p_outcomes json,
  p_want integer, p_after text, p_tenants text[], p_starts double precision[], p_costs double precision[],
  p_lanes text[], p_priorities smallint[], p_seqs bigint[],
  p_max_running integer, p_rate integer, p_rate_ms double precision
) returns table (
  o_id uuid, o_token integer, o_tenant text, o_key text, o_parent uuid, o_payload text, o_origin text, o_priority smallint,
  o_attempt smallint, o_max_attempts smallint, o_seq bigint, o_enqueued_ms double precision, o_deadline_ms double precision,
  o_left_ms double precision
)
  language sql volatile
as $$
  select * from fairlead_job_take(p_queue, p_holder, p_claim, p_keep_ms, p_done, p_tokens, p_outcomes, p_want, p_after, p_tenants, p_starts,
    p_costs, p_lanes, p_priorities, p_seqs, p_max_running, p_rate, p_rate_ms, null, null, '{}', '{}', '{}', null)
$$;

-- Gives back what was claimed by statements whose answers were lost.
create or replace function fairlead_job_unclaim(p_queue text, p_holder text, p_claims uuid[]) returns integer
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_count integer;
  v_tenants text[];
  v_keys text[];
begin
  with back as (
    update fairlead_job set state = 'ready', attempt = attempt - 1, token = token + 1, holder = null, claim = null, started_at = null,
           capped = false
     where state = 'running' and holder = p_holder and queue = p_queue and claim = any (p_claims)
    returning tenant, key
  ), undone as (
    delete from fairlead_job_claim where holder = p_holder and queue = p_queue and id = any (p_claims)
    returning jobs, tokens
  ), every as (
    select tenant, key from back
    union all
    select j.tenant, j.key from undone, unnest(undone.jobs, undone.tokens) as u (job, token), fairlead_job j
     where j.id = u.job and j.token = u.token and j.state = 'ready'
  )
  select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
    into v_count, v_tenants, v_keys from every;
  if v_keys is not null then perform fairlead_job_unblock(p_queue, v_tenants, v_keys); end if;
  return v_count;
end $$;

-- Ends a job that waits or is dead, or asks the worker that runs it to. Answers with cancelled, cancelling or absent.
create or replace function fairlead_job_cancel(p_id uuid) returns text
  language plpgsql volatile
as $$
declare
  v_job fairlead_job;
begin
  -- The key's lock first and then the job's, as who ends one of that key does.
  perform pg_advisory_xact_lock(fairlead_job_key_lock(j.queue, j.tenant, j.key)) from fairlead_job j where j.id = p_id and j.key is not null;
  -- Whoever is just claiming or ending it has it locked. What was claimed before that is seen by the next statement.
  perform from fairlead_job where id = p_id and state <> 'running' for update skip locked;
  if found then
    delete from fairlead_job j where j.id = p_id and j.state <> 'running'
       and not exists (select from fairlead_job_claimed c where c.queue = j.queue and c.job = j.id and c.token = j.token)
    returning * into v_job;
  end if;
  if v_job.id is not null then
    if v_job.key is not null then perform fairlead_job_unblock(v_job.queue, array[v_job.tenant], array[v_job.key]); end if;
    return 'cancelled';
  end if;
  if not exists (select from fairlead_job where id = p_id) then return 'absent'; end if;
  insert into fairlead_job_cancel (job, at) values (p_id, fairlead.now()) on conflict (job) do nothing;
  return 'cancelling';
end $$;

-- Puts in order what nobody else does: jobs of workers that are gone return (or are dead, when no attempt is left), those whose time
-- is over are dead, those that were to end do; when thorough also keys that nobody lets go, and what was kept long enough. Some hundreds
-- at a time. Answers with {queues: [{name, ready, dueMs}], cancelled: [ids of p_holder's running jobs that are to end], returned}.
create or replace function fairlead_job_sweep(p_holder text, p_queues text[], p_thorough boolean) returns json
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_holders text[];
  v_returned integer := 0;
  v_count integer;
  v_late uuid[];
  v_gone uuid[];
  v_keys record;
begin
  with recursive held as (
    (select j.holder from fairlead_job j where j.state = 'running' order by j.holder limit 1)
    union all
    select (select j.holder from fairlead_job j where j.state = 'running' and j.holder > h.holder order by j.holder limit 1)
      from held h where h.holder is not null)
  select array_agg(h.holder) into v_holders from (
    select h.holder from held h where h.holder is not null
    union select c.holder from fairlead_job_claim c) h;
  if v_holders is not null then
    -- As taking a lease over does: a renewal under way is seen, or is refused.
    delete from fairlead_lease_holder where id in (
      select h.id from fairlead_lease_holder h where h.id = any (v_holders) and h.expires_at <= v_now for update skip locked);
    select array_agg(u.holder) into v_holders from unnest(v_holders) as u (holder)
     where not exists (select from fairlead_lease_holder h where h.id = u.holder);
  end if;
  if v_holders is not null then
    update fairlead_job j
       set state = case when j.attempt >= j.max_attempts or j.deadline <= v_now then 'dead' else 'ready' end,
           dead_reason = case when j.attempt >= j.max_attempts then 'attempts' when j.deadline <= v_now then 'deadline' end,
           token = j.token + 1, ended_at = v_now, holder = null, claim = null, started_at = null, capped = false,
           failures = coalesce(j.failures, '[]') || jsonb_build_object(
             'attempt', j.attempt, 'at', floor(extract(epoch from v_now) * 1000), 'code', 'WORKER_LOST',
             'message', 'The worker died, or stood still for too long.')
     where j.id in (select l.id from fairlead_job l
                     where l.state = 'running' and l.holder = any (v_holders) limit 500 for update skip locked);
    get diagnostics v_returned = row_count;
    update fairlead_job j
       set state = case when j.attempt + 1 >= j.max_attempts or j.deadline <= v_now then 'dead' else 'ready' end,
           dead_reason = case when j.attempt + 1 >= j.max_attempts then 'attempts' when j.deadline <= v_now then 'deadline' end,
           attempt = j.attempt + 1, token = j.token + 1, ended_at = v_now,
           failures = coalesce(j.failures, '[]') || jsonb_build_object(
             'attempt', j.attempt + 1, 'at', floor(extract(epoch from v_now) * 1000), 'code', 'WORKER_LOST',
             'message', 'The worker died, or stood still for too long.')
     where j.id in (select l.id from fairlead_job_claimed c, fairlead_job l
                     where c.holder = any (v_holders) and l.id = c.job and l.token = c.token and l.state = 'ready'
                     limit 500 for update of l skip locked);
    get diagnostics v_count = row_count;
    v_returned := v_returned + v_count;
    -- When none is left in it; others are being ended at this moment.
    delete from fairlead_job_claim where id in (
      select c.id from fairlead_job_claim c
       where c.holder = any (v_holders)
         and not exists (select from unnest(c.jobs, c.tokens) as u (job, token), fairlead_job l
                          where l.id = u.job and l.token = u.token and l.state = 'ready')
         for update skip locked);
  end if;
  select array_agg(l.id) into v_late from (
    select j.id from fairlead_job j
     where j.deadline <= v_now and j.deadline is not null and j.state in ('ready', 'scheduled', 'blocked')
       and (j.id, j.token) not in (select c.job, c.token from fairlead_job_claimed c)
     order by j.deadline limit 500 for update skip locked) l;
  if v_late is not null then
    update fairlead_job set state = 'dead', dead_reason = 'deadline', ended_at = v_now
     where id = any (v_late) and (id, token) not in (select c.job, c.token from fairlead_job_claimed c);
  end if;

  select array_agg(l.id) into v_gone from (
    select w.id from fairlead_job_cancel c join fairlead_job w on w.id = c.job
     where w.state <> 'running' and (w.id, w.token) not in (select c.job, c.token from fairlead_job_claimed c)
       -- Before its row; who has that lock may want the row next.
       and (w.key is null or pg_try_advisory_xact_lock(fairlead_job_key_lock(w.queue, w.tenant, w.key)))
     limit 500 for update of w skip locked) l;
  for v_keys in
    with gone as (
      delete from fairlead_job j
       where j.id = any (v_gone) and (j.id, j.token) not in (select c.job, c.token from fairlead_job_claimed c)
      returning j.queue, j.tenant, j.key)
    select g.queue, array_agg(g.tenant) as tenants, array_agg(g.key) as keys from gone g where g.key is not null group by g.queue
  loop
    perform fairlead_job_unblock(v_keys.queue, v_keys.tenants, v_keys.keys);
  end loop;
  if p_thorough then
    for v_keys in
      select s.queue, array_agg(s.tenant) as tenants, array_agg(s.key) as keys from (
        select distinct b.queue, b.tenant, b.key from fairlead_job b
         where b.state = 'blocked'
           and not exists (select from fairlead_job o where o.queue = b.queue and o.tenant = b.tenant and o.key = b.key
                              and (o.attempt > 0 or o.state = 'dead'))
           and not exists (select from fairlead_job o where o.queue = b.queue and o.tenant = b.tenant and o.key = b.key
                              and o.state in ('ready', 'blocked') and o.seq < b.seq)
         limit 500) s group by s.queue
    loop
      perform fairlead_job_unblock(v_keys.queue, v_keys.tenants, v_keys.keys);
    end loop;
    delete from fairlead_job_cancel c where not exists (select from fairlead_job j where j.id = c.job);
    -- Of workers that ended and could not tell, in processes that go on.
    delete from fairlead_job_claim where id in (
      select c.id from fairlead_job_claim c
       where c.claimed_at < v_now - interval '1 minute'
         and not exists (select from unnest(c.jobs, c.tokens) as u (job, token), fairlead_job l
                          where l.id = u.job and l.token = u.token and l.state = 'ready')
         for update skip locked);
    delete from fairlead_job_history where ctid in (
      select h.ctid from fairlead_job_history h where h.expires_at <= v_now limit 5000 for update skip locked);
  end if;

  return json_build_object(
    'queues', (select json_agg(json_build_object(
        'name', q.name,
        'ready', not exists (select from fairlead_job_queue p where p.name = q.name and p.paused)
                 and exists (select from fairlead_job j where j.queue = q.name and j.state = 'ready'
                                and (j.id, j.token) not in (select c.job, c.token from fairlead_job_claimed c)),
        'dueMs', (select extract(epoch from j.run_at - v_now) * 1000 from fairlead_job j
                   where j.queue = q.name and j.state = 'scheduled' order by j.run_at limit 1)))
      from unnest(p_queues) as q (name)),
    'cancelled', (select json_agg(j.id) from fairlead_job_cancel c join fairlead_job j on j.id = c.job
                   where (j.state = 'running' and j.holder = p_holder)
                      or (j.state = 'ready' and (j.id, j.token) in (
                            select d.job, d.token from fairlead_job_claimed d where d.holder = p_holder))),
    'returned', v_returned);
end $$;

-- As before; with jobs that run by claims of many.
create or replace view fairlead_job_lag as
  select q.queue,
         coalesce(s.paused, false) as paused,
         (w.count + d.count) as waiting,
         r.count as running,
         l.count as later,
         b.count as blocked,
         x.count as dead,
         coalesce(greatest(0, floor(extract(epoch from n.now - least(w.since, d.since)) * 1000)), 0)::bigint as lag_ms
    from fairlead_job_names q
    cross join lateral (select fairlead.now() as now) n
    left join fairlead_job_queue s on s.name = q.queue
    cross join lateral (
      select count(*) as count, min(coalesce(c.run_at, c.enqueued_at)) as since from (
        select j.run_at, j.enqueued_at from fairlead_job j
         where j.queue = q.queue and j.state = 'ready'
           and (j.id, j.token) not in (select c.job, c.token from fairlead_job_claimed c) limit 100000) c) w
    cross join lateral (
      select count(*) as count, min(c.run_at) as since from (
        select j.run_at from fairlead_job j
         where j.queue = q.queue and j.state = 'scheduled' and j.run_at <= n.now order by j.run_at limit 100000) c) d
    cross join lateral (
      select count(*) as count from (
        select from fairlead_job j
         where j.queue = q.queue and j.state = 'scheduled' and j.run_at > n.now limit 100000) c) l
    cross join lateral (
      select count(*) as count from (
        select from fairlead_job j where j.queue = q.queue and j.state = 'blocked' limit 100000) c) b
    cross join lateral (
      select (select count(*) from fairlead_job j where j.queue = q.queue and j.state = 'running')
           + (select count(*) from fairlead_job_claimed c join fairlead_job j on j.id = c.job and j.token = c.token
               where c.queue = q.queue and j.state = 'ready') as count) r
    cross join lateral (
      select count(*) as count from (
        select from fairlead_job j where j.queue = q.queue and j.state = 'dead' limit 100000) c) x;
