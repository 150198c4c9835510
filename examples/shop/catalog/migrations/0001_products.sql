create table product (
  sku  text primary key,
  name text not null
);

create table price (
  tenant      text not null,
  sku         text not null references product,
  price_cents integer not null check (price_cents >= 0),
  currency    char(3) not null,
  primary key (tenant, sku)
);

insert into product (sku, name) values
  ('ANCHOR-10', 'Anchor, 10 kg'),
  ('BLOCK-SGL', 'Single block, 57 mm'),
  ('BLOCK-DBL', 'Double block, 57 mm'),
  ('BOLLARD-A', 'Bollard, aluminium'),
  ('BUOY-RED', 'Mooring buoy, red'),
  ('CHAIN-8', 'Chain, 8 mm, per metre'),
  ('CLEAT-200', 'Cleat, 200 mm'),
  ('COMPASS', 'Bulkhead compass'),
  ('FAIRLEAD-BR', 'Fairlead, bronze'),
  ('FAIRLEAD-SS', 'Fairlead, stainless'),
  ('FENDER-M', 'Fender, medium'),
  ('FLARE-SET', 'Hand flares, set of four'),
  ('HARNESS', 'Safety harness'),
  ('KNIFE', 'Rigging knife'),
  ('LANTERN', 'Anchor lantern'),
  ('LINE-10', 'Braided line, 10 mm, 30 m'),
  ('LINE-12', 'Braided line, 12 mm, 30 m'),
  ('PENNANT', 'Signal pennant set'),
  ('PULLEY', 'Halyard pulley'),
  ('RADAR-REF', 'Radar reflector'),
  ('SAIL-TAPE', 'Sail repair tape'),
  ('SHACKLE-8', 'Shackle, 8 mm'),
  ('TILLER-EXT', 'Tiller extension'),
  ('WINCH-16', 'Winch, size 16');

insert into price (tenant, sku, price_cents, currency) values
  ('acme', 'ANCHOR-10', 8900, 'EUR'),
  ('acme', 'BLOCK-SGL', 3450, 'EUR'),
  ('acme', 'BLOCK-DBL', 5990, 'EUR'),
  ('acme', 'BOLLARD-A', 4200, 'EUR'),
  ('acme', 'BUOY-RED', 2750, 'EUR'),
  ('acme', 'CHAIN-8', 990, 'EUR'),
  ('acme', 'CLEAT-200', 1890, 'EUR'),
  ('acme', 'COMPASS', 15900, 'EUR'),
  ('acme', 'FAIRLEAD-BR', 3200, 'EUR'),
  ('acme', 'FAIRLEAD-SS', 2600, 'EUR'),
  ('acme', 'FENDER-M', 2150, 'EUR'),
  ('acme', 'FLARE-SET', 4700, 'EUR'),
  ('acme', 'HARNESS', 9900, 'EUR'),
  ('acme', 'KNIFE', 3900, 'EUR'),
  ('acme', 'LANTERN', 2990, 'EUR'),
  ('acme', 'LINE-10', 4450, 'EUR'),
  ('acme', 'LINE-12', 5650, 'EUR'),
  ('acme', 'PENNANT', 6400, 'EUR'),
  ('acme', 'PULLEY', 1250, 'EUR'),
  ('acme', 'RADAR-REF', 5200, 'EUR'),
  ('acme', 'SAIL-TAPE', 1150, 'EUR'),
  ('acme', 'SHACKLE-8', 650, 'EUR'),
  ('acme', 'TILLER-EXT', 4990, 'EUR'),
  ('acme', 'WINCH-16', 28900, 'EUR');

-- globex sells the same goods in another currency, a little dearer
insert into price (tenant, sku, price_cents, currency)
select 'globex', sku, (price_cents * 115 + 50) / 100, 'USD' from price where tenant = 'acme';
