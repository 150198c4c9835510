-- Schedules: what is due next. Written in the transaction of what was due, under the schedule's lease.
create table fairlead_schedule (
  name text primary key,
  next_at timestamptz not null
);
