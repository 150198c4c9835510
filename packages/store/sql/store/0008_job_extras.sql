-- Jobs in parts, and what people and autoscalers ask about jobs.

-- One row a job that goes on when its parts have ended (scatter). The job waits as scheduled, until the deadline at the latest.
create table fairlead_scatter (
  -- Of that job, which is the parent of its parts.
  id uuid primary key,
  -- Its queue.
  queue text not null,
  parts integer not null,
  -- Results that are enough.
  quorum integer not null,
  results integer not null default 0,
  failures integer not null default 0,
  -- Nothing counts any more: what has come by then was gathered.
  closed boolean not null default false
) with (fillfactor = 50);

-- One row a part, in the place of its target.
create table fairlead_scatter_part (
  scatter uuid not null,
  place integer not null,
  -- Null for one that could not be enqueued.
  job uuid unique,
  -- What it came to; written before its job ends.
  result json,
  failures jsonb,
  -- done, failed; null while it has not ended, or ended too late.
  outcome text,
  -- The transaction in which its job ended, until its commit counts it.
  ended_in xid8,
  primary key (scatter, place)
) with (fillfactor = 70);
create index fairlead_scatter_part_ended on fairlead_scatter_part (ended_in) where ended_in is not null;

-- A part has ended: its job's row goes, or becomes a dead letter.
create function fairlead_scatter_part_ended() returns trigger
  language plpgsql volatile
as $$
begin
  if tg_op = 'DELETE' then
    update fairlead_scatter_part p set ended_in = pg_current_xact_id(), failures = old.failures
     where p.job = old.id and p.outcome is null;
  else
    update fairlead_scatter_part p set ended_in = pg_current_xact_id(), failures = new.failures
     where p.job = new.id and p.outcome is null;
  end if;
  return null;
end $$;
create trigger fairlead_scatter_gone after delete on fairlead_job
  for each row when (old.parent is not null) execute function fairlead_scatter_part_ended();
create trigger fairlead_scatter_dead after update on fairlead_job
  for each row when (new.parent is not null and new.state = 'dead') execute function fairlead_scatter_part_ended();

-- Counts what this transaction has ended, right before its commit: rows of fairlead_scatter are then locked for a moment
-- only, and those of one transaction in one order, so nobody waits in a circle.
create function fairlead_scatter_count() returns trigger
  language plpgsql volatile
as $$
declare
  v_scatter uuid;
  v_closed boolean;
  v_results integer;
  v_failures integer;
begin
  for v_scatter in
    select distinct p.scatter from fairlead_scatter_part p where p.ended_in = pg_current_xact_id() order by p.scatter
  loop
    select s.closed into v_closed from fairlead_scatter s where s.id = v_scatter for no key update;
    with ended as (
      update fairlead_scatter_part p
         set ended_in = null,
             outcome = case when v_closed then null when p.result is null then 'failed' else 'done' end
       where p.scatter = v_scatter and p.ended_in = pg_current_xact_id()
      returning p.outcome)
    select count(*) filter (where outcome = 'done'), count(*) filter (where outcome = 'failed')
      into v_results, v_failures from ended;
    update fairlead_scatter s set results = s.results + v_results, failures = s.failures + v_failures where s.id = v_scatter;
    update fairlead_job j set state = 'ready', run_at = null
      from fairlead_scatter s
     where s.id = v_scatter and j.id = s.id and j.state = 'scheduled'
       and (s.results >= s.quorum or s.results + s.failures >= s.parts);
  end loop;
  return null;
end $$;
create constraint trigger fairlead_scatter_counted after update on fairlead_scatter_part
  deferrable initially deferred
  for each row when (new.ended_in is not null) execute function fairlead_scatter_count();

-- The queues that have jobs, by hopping over the indexes.
create view fairlead_job_names as
  with recursive
  ready as (
    (select queue from fairlead_job where state = 'ready' order by queue limit 1)
    union all
    select (select j.queue from fairlead_job j where j.state = 'ready' and j.queue > r.queue order by j.queue limit 1)
      from ready r where r.queue is not null),
  scheduled as (
    (select queue from fairlead_job where state = 'scheduled' order by queue limit 1)
    union all
    select (select j.queue from fairlead_job j where j.state = 'scheduled' and j.queue > s.queue order by j.queue limit 1)
      from scheduled s where s.queue is not null),
  blocked as (
    (select queue from fairlead_job where state = 'blocked' order by queue limit 1)
    union all
    select (select j.queue from fairlead_job j where j.state = 'blocked' and j.queue > b.queue order by j.queue limit 1)
      from blocked b where b.queue is not null),
  dead as (
    (select queue from fairlead_job where state = 'dead' order by queue limit 1)
    union all
    select (select j.queue from fairlead_job j where j.state = 'dead' and j.queue > d.queue order by j.queue limit 1)
      from dead d where d.queue is not null)
  select queue from ready where queue is not null
  union select queue from scheduled where queue is not null
  union select queue from blocked where queue is not null
  union select queue from dead where queue is not null
  union select queue from fairlead_job where state = 'running'
  union select name from fairlead_job_queue;

-- How far each queue is behind. Counts end at 100 000, so that asking costs the same however much there is. waiting: could
-- run now, also what nobody has looked at since its time came; lag_ms: for how long the one of those has waited that waits
-- longest (of the first 100 000), 0 when none does.
create view fairlead_job_lag as
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
        select j.run_at, j.enqueued_at from fairlead_job j where j.queue = q.queue and j.state = 'ready' limit 100000) c) w
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
      select count(*) as count from fairlead_job j where j.queue = q.queue and j.state = 'running') r
    cross join lateral (
      select count(*) as count from (
        select from fairlead_job j where j.queue = q.queue and j.state = 'dead' limit 100000) c) x;
