create table payment (
  id           text primary key,
  tenant       text not null,
  order_id     text not null,
  type         text not null check (type in ('captured', 'refunded', 'declined')),
  amount_cents integer not null check (amount_cents >= 0),
  at           timestamptz not null
);

-- An order is charged once and refunded once, whatever is delivered twice.
create unique index payment_once on payment (order_id, type);
