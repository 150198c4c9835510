-- Whether others have been told of a price: they keep copies of what is published.
alter table price add column announced boolean not null default false;
