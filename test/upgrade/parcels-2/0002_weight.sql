-- Expand: what version 1 writes has no weight, and it never names the column.
alter table parcel add column weight integer;
