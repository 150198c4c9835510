-- What was left of everything at a time.
create table stock_taking (
  taken_at  timestamptz not null,
  tenant    text not null,
  sku       text not null,
  available integer not null,
  primary key (taken_at, tenant, sku)
);
