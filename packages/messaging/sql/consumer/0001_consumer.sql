-- What a consumer keeps in its own database, so that it commits with the effects of its handlers.

CREATE TABLE fairlead_cursor (
  consumer text NOT NULL,
  source text NOT NULL,
  -- Everything up to here is settled: handled, passed over or parked.
  position bigint NOT NULL DEFAULT 0,
  -- Grows with each instance that starts. Every commit checks it FOR KEY SHARE; a new instance takes it FOR UPDATE.
  epoch bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, source)
);

-- Events above the cursor that are settled. Once the cursor has passed a mark nothing can ask for it any more, so the
-- statement that moves the cursor deletes it.
CREATE TABLE fairlead_inbox (
  consumer text NOT NULL,
  source text NOT NULL,
  event_id text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (consumer, source, event_id)
);

CREATE INDEX fairlead_inbox_position ON fairlead_inbox (consumer, source, position);

-- Events of keys that failed. The lowest position of a key is its head: it alone is retried, or dead; the others wait.
CREATE TABLE fairlead_parked (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  source text NOT NULL,
  key text NOT NULL,
  position bigint NOT NULL,
  -- CloudEvents structured JSON.
  event json NOT NULL,
  dead boolean NOT NULL DEFAULT false,
  attempts integer NOT NULL DEFAULT 0,
  -- NULL: at once.
  next_attempt_at timestamptz,
  error_code text,
  error_message text,
  first_failed_at timestamptz,
  last_failed_at timestamptz,
  trace_id text,
  UNIQUE (consumer, source, key, position)
);

CREATE INDEX fairlead_parked_dead ON fairlead_parked (consumer, last_failed_at) WHERE dead;
