-- Subscriptions: where they stand is documents (namespace fairlead.cursor); here are the events that wait because one failed.

-- The lowest position of a key is its head: it alone is tried again, or dead; the others wait. What the events are stands in
-- the log, so trimming it has to spare them.
create table fairlead_parked_event (
  subscription text collate "C" not null,
  shard integer not null,
  key text collate "C" not null,
  position bigint not null,
  dead boolean not null default false,
  attempts integer not null default 0,
  -- How many of the attempts don't count, for something that they needed was not there and had not begun.
  postponed integer not null default 0,
  -- Null: at once.
  next_attempt_at timestamptz,
  error_code text,
  error_message text,
  first_failed_at timestamptz,
  last_failed_at timestamptz,
  trace_id text,
  primary key (subscription, shard, key, position)
);

create index fairlead_parked_event_dead on fairlead_parked_event (subscription, position) where dead;
