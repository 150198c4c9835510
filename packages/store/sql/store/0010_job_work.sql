-- What workers do with the tables of 0006_job.sql: claiming and ending in one statement, giving back, cancelling, putting in order.

-- What a worker does in one statement: ends the jobs that it has done (p_done under p_tokens) and those that failed (p_outcomes, as
-- fairlead_job_settle has them), and claims up to p_want others.
--
-- Whose turn it is: each tenant with ready jobs has a start (p_starts for p_tenants; 0 for others) and a cost per job (p_costs;
-- 1 for others); the jobs with the lowest start + n * cost are taken, n counting the tenant's jobs from 0. p_tenants are those
-- whose start or cost is not the usual one. At most 256 tenants are looked at, or as many as jobs are wanted; p_after says after which to begin.
--
-- Index entries of jobs that are gone stay until the next vacuum, and at the head of each tenant's there are many. So whoever has
-- looked a moment ago says who had jobs (p_lanes) and up to where it took them (p_priorities, p_seqs), and they are taken from there on; with
-- null, or when that was not enough, everything is looked at.
--
-- The last row tells about the claim, in o_origin: {looked (at everything), done, ended (the holder has no row), waitMs (for the rate), after (the last tenant
-- looked at, when there are more), tenants, dueMs (until the next scheduled one)}; the others are jobs.
create function fairlead_job_exchange(
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
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_done integer := 0;
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
  v_heads tid[];
  v_blocked integer;
  v_claimed integer := 0;
  v_skipped tid[] := '{}';
  v_rounds integer := 0;
  v_due double precision;
  v_look boolean := p_lanes is null;
begin
  if cardinality(p_done) > 0 then v_done := fairlead_job_complete(p_queue, p_keep_ms, p_done, p_tokens); end if;
  if p_outcomes is not null then perform fairlead_job_settle(p_queue, p_keep_ms, p_outcomes); end if;

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
    if v_rounds > 1 then v_look := true; end if;
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
        from lane l left join taken t on t.o = l.o;
      select array_agg(l.tenant order by l.o) into v_lanes
        from unnest(v_lanes, v_rooms) with ordinality as l (tenant, room, o) where l.room > 0;
    end if;
    exit when v_takes is null and v_look;
    continue when v_takes is null;

    -- From here on rows go by where they lie: they are locked and stay there.
    if v_look then
      select array_agg(p.at), array_agg(p.at) filter (where p.key is not null), array_agg(p.at) filter (where p.deadline <= v_now)
        into v_picked, v_keyed, v_late
        from unnest(v_lanes, v_takes) as l (tenant, n),
             lateral (select j.ctid as at, j.key, j.deadline from fairlead_job j
                       where j.queue = p_queue and j.state = 'ready' and j.tenant = l.tenant and j.ctid <> all (v_skipped)
                       order by j.priority desc, j.seq limit l.n for update skip locked) p;
      exit when v_picked is null;
    else
      select array_agg(p.at), array_agg(p.at) filter (where p.key is not null), array_agg(p.at) filter (where p.deadline <= v_now)
        into v_picked, v_keyed, v_late
        from unnest(v_lanes, v_takes) as l (tenant, n), unnest(p_lanes, p_priorities, p_seqs) as h (tenant, priority, seq),
             lateral (select j.ctid as at, j.key, j.deadline from fairlead_job j
                       where j.queue = p_queue and j.state = 'ready' and j.tenant = l.tenant
                         and j.priority = h.priority and j.seq > h.seq
                       order by j.seq limit l.n for update skip locked) p
       where h.tenant = l.tenant;
      continue when v_picked is null;
    end if;

    if v_late is not null then
      update fairlead_job set state = 'dead', dead_reason = 'deadline', ended_at = v_now where ctid = any (v_late);
      select array_agg(p) into v_picked from unnest(v_picked) p where p <> all (v_late);
      select array_agg(p) into v_keyed from unnest(v_keyed) p where p <> all (v_late);
    end if;
    v_blocked := 0;
    if v_keyed is not null then
      -- Whose key's lock can be had. Then, in a statement that sees what its last owner did: who of these is first.
      select array_agg(k.ctid) into v_bound from fairlead_job k
       where k.ctid = any (v_keyed) and pg_try_advisory_xact_lock(fairlead_job_key_lock(p_queue, k.tenant, k.key));
      select array_agg(k.ctid) into v_heads from fairlead_job k
       where k.ctid = any (v_bound)
         and not exists (select from fairlead_job o
                          where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and (o.attempt > 0 or o.state = 'dead') and o.id <> k.id)
         and (k.attempt > 0 or not exists (
               select from fairlead_job o
                where o.queue = p_queue and o.tenant = k.tenant and o.key = k.key and o.state in ('ready', 'blocked') and o.seq < k.seq));
      update fairlead_job set state = 'blocked' where ctid = any (v_bound) and ctid <> all (coalesce(v_heads, '{}'));
      get diagnostics v_blocked = row_count;
      select coalesce(v_skipped || array_agg(k), v_skipped) into v_skipped
        from unnest(v_keyed) k where k <> all (coalesce(v_bound, '{}'));
      select array_agg(p) into v_picked
        from unnest(v_picked) p where p <> all (v_keyed) or p = any (coalesce(v_heads, '{}'));
    end if;
    if v_picked is not null then
      -- At once: the next round has to see them as running.
      return query
        update fairlead_job j
           set state = 'running', attempt = j.attempt + 1, token = j.token + 1, holder = p_holder, claim = p_claim, started_at = v_now,
               capped = p_max_running is not null
         where j.ctid = any (v_picked)
        returning j.id, j.token, j.tenant, j.key, j.parent, j.payload::text, j.origin::text, j.priority, j.attempt, j.max_attempts, j.seq,
                  floor(extract(epoch from j.enqueued_at) * 1000)::double precision,
                  floor(extract(epoch from j.deadline) * 1000)::double precision,
                  (extract(epoch from j.deadline - v_now) * 1000)::double precision;
      v_claimed := v_claimed + cardinality(v_picked);
      v_left := v_left - cardinality(v_picked);
    end if;
    exit when v_look and v_picked is null and v_blocked = 0 and v_late is null;
  end loop;

  if v_tat is not null and v_claimed > 0 then
    update fairlead_job_queue set tat = v_tat + v_claimed * v_step where name = p_queue;
  end if;
  if v_left > 0 then
    select extract(epoch from j.run_at - v_now) * 1000 into v_due from fairlead_job j
     where j.queue = p_queue and j.state = 'scheduled' order by j.run_at limit 1;
  end if;
  -- Somebody is just ending or claiming one of these keys.
  if cardinality(v_skipped) > 0 then v_due := least(v_due, 5); end if;
  return query select null::uuid, null::integer, null::text, null::text, null::uuid, null::text,
    json_build_object('looked', v_look, 'done', v_done, 'ended', v_ended, 'waitMs', v_wait, 'dueMs', v_due, 'after', v_after, 'tenants', v_seen)::text,
    null::smallint, null::smallint, null::smallint, null::bigint, null::double precision, null::double precision, null::double precision;
end $$;

-- Gives back what was claimed by statements whose answers were lost.
create function fairlead_job_unclaim(p_queue text, p_holder text, p_claims uuid[]) returns integer
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_count integer;
  v_tenants text[];
  v_keys text[];
begin
  with back as (
    update fairlead_job set state = 'ready', attempt = attempt - 1, holder = null, claim = null, started_at = null, capped = false
     where state = 'running' and holder = p_holder and queue = p_queue and claim = any (p_claims)
    returning tenant, key
  )
  select count(*), array_agg(tenant) filter (where key is not null), array_agg(key) filter (where key is not null)
    into v_count, v_tenants, v_keys from back;
  if v_keys is not null then perform fairlead_job_unblock(p_queue, v_tenants, v_keys); end if;
  return v_count;
end $$;

-- Ends a job that waits or is dead, or asks the worker that runs it to. Answers with cancelled, cancelling or absent.
create function fairlead_job_cancel(p_id uuid) returns text
  language plpgsql volatile
as $$
declare
  v_job fairlead_job;
begin
  delete from fairlead_job where id = p_id and state <> 'running' returning * into v_job;
  if found then
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
create function fairlead_job_sweep(p_holder text, p_queues text[], p_thorough boolean) returns json
  language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_now timestamptz := fairlead.now();
  v_holders text[];
  v_returned integer := 0;
  v_keys record;
begin
  with recursive held as (
    (select j.holder from fairlead_job j where j.state = 'running' order by j.holder limit 1)
    union all
    select (select j.holder from fairlead_job j where j.state = 'running' and j.holder > h.holder order by j.holder limit 1)
      from held h where h.holder is not null)
  select array_agg(h.holder) into v_holders from held h where h.holder is not null;
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
           ended_at = v_now, holder = null, claim = null, started_at = null, capped = false,
           failures = coalesce(j.failures, '[]') || jsonb_build_object(
             'attempt', j.attempt, 'at', floor(extract(epoch from v_now) * 1000), 'code', 'WORKER_LOST',
             'message', 'The worker died, or stood still for too long.')
     where j.id in (select l.id from fairlead_job l
                     where l.state = 'running' and l.holder = any (v_holders) limit 500 for update skip locked);
    get diagnostics v_returned = row_count;
  end if;
  update fairlead_job set state = 'dead', dead_reason = 'deadline', ended_at = v_now where id in (
    select j.id from fairlead_job j
     where j.deadline <= v_now and j.deadline is not null and j.state in ('ready', 'scheduled', 'blocked')
     order by j.deadline limit 500 for update skip locked);

  for v_keys in
    with gone as (
      delete from fairlead_job j where j.id in (
        select w.id from fairlead_job_cancel c join fairlead_job w on w.id = c.job
         where w.state <> 'running' limit 500 for update of w skip locked)
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
    delete from fairlead_job_history where ctid in (
      select h.ctid from fairlead_job_history h where h.expires_at <= v_now limit 5000 for update skip locked);
  end if;

  return json_build_object(
    'queues', (select json_agg(json_build_object(
        'name', q.name,
        'ready', not exists (select from fairlead_job_queue p where p.name = q.name and p.paused)
                 and exists (select from fairlead_job j where j.queue = q.name and j.state = 'ready'),
        'dueMs', (select extract(epoch from j.run_at - v_now) * 1000 from fairlead_job j
                   where j.queue = q.name and j.state = 'scheduled' order by j.run_at limit 1)))
      from unnest(p_queues) as q (name)),
    'cancelled', (select json_agg(j.id) from fairlead_job_cancel c join fairlead_job j on j.id = c.job
                   where j.state = 'running' and j.holder = p_holder),
    'returned', v_returned);
end $$;
