create table notification (
  event_id text primary key,
  tenant   text not null,
  order_id text not null,
  text     text not null,
  at       timestamptz not null
);

create index notification_of_order on notification (tenant, order_id);
