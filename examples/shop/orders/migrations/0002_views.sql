-- What sells: a line for each item of an order, in version 1 of the projection order-sales. Two alike: one is read while the other is
-- built anew.
create table order_line_v1a (
  tenant    text not null,
  order_id  text not null,
  sku       text not null,
  day       date not null,
  quantity  integer not null,
  cancelled boolean not null default false,
  primary key (order_id, sku)
);
create index order_line_v1a_of_day on order_line_v1a (tenant, day, sku) where not cancelled;
create table order_line_v1b (like order_line_v1a including all);

-- What orders can be found by, in version 1 of the projection order-search.
create table order_text_v1a (
  order_id text primary key,
  tenant   text not null,
  subject  text not null,
  status   text not null,
  skus     text not null,
  reason   text not null default '',
  words    tsvector generated always as (to_tsvector('simple', skus || ' ' || status || ' ' || reason)) stored
);
create index order_text_v1a_words on order_text_v1a using gin (words);
create table order_text_v1b (like order_text_v1a including all);
