create table stock (
  tenant    text not null,
  sku       text not null,
  available integer not null check (available >= 0),
  primary key (tenant, sku)
);

-- What an order holds: taken from stock.available when reserved, put back when released.
create table reservation (
  order_id text not null,
  tenant   text not null,
  sku      text not null,
  quantity integer not null check (quantity > 0),
  state    text not null check (state in ('held', 'taken', 'released')),
  primary key (order_id, sku)
);

insert into stock (tenant, sku, available)
select tenant, sku, available
  from (values ('acme'), ('globex')) as t (tenant),
       (values
         ('ANCHOR-10', 1000000),
         ('BLOCK-SGL', 1000000),
         ('BLOCK-DBL', 1000000),
         ('BOLLARD-A', 1000000),
         ('BUOY-RED', 1000000),
         ('CHAIN-8', 1000000),
         ('CLEAT-200', 1000000),
         ('COMPASS', 3),
         ('FAIRLEAD-BR', 1000000),
         ('FAIRLEAD-SS', 1000000),
         ('FENDER-M', 1000000),
         ('FLARE-SET', 0),
         ('HARNESS', 1000000),
         ('KNIFE', 1000000),
         ('LANTERN', 1000000),
         ('LINE-10', 1000000),
         ('LINE-12', 1000000),
         ('PENNANT', 1000000),
         ('PULLEY', 1000000),
         ('RADAR-REF', 1000000),
         ('SAIL-TAPE', 1000000),
         ('SHACKLE-8', 1000000),
         ('TILLER-EXT', 1000000),
         ('WINCH-16', 1)
       ) as s (sku, available);
