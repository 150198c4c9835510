create table entry (
  id         text primary key,
  tenant     text not null,
  text       text not null,
  created_at timestamptz not null
);

create index entry_of_tenant on entry (tenant, id desc);
