create table orders (
  id          text primary key,
  tenant      text not null,
  subject     text not null,
  status      text not null check (status in ('pending', 'confirmed', 'cancelled')),
  reason      text,
  card        text not null,
  items       jsonb not null,
  total_cents integer not null,
  currency    char(3) not null,
  history     jsonb not null,
  placed_at   timestamptz not null
);

create index orders_of_subject on orders (tenant, subject, id desc);
