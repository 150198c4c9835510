-- Answers by idempotency key, and the claims of those who are working on one.
-- A row is `claimed` (token, holder and boot say by whom, locked_until for how long) or `done` (status and body are the answer).
create table fairlead_idempotency (
  tenant       text        not null,
  subject      text        not null,
  operation    text        not null,
  key          text        not null,
  request_hash text        not null,
  state        text        not null check (state in ('claimed', 'done')),
  token        text        not null,
  holder       text        not null,
  boot         text        not null,
  locked_until timestamptz not null,
  status       smallint,
  body         text,
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  primary key (tenant, subject, operation, key),
  check ((state = 'done') = (status is not null and body is not null))
);

create index fairlead_idempotency_expiry on fairlead_idempotency (expires_at);
