-- What migrations themselves need. Runs before every set, so every statement may be repeated.
create schema if not exists fairlead;
grant usage on schema fairlead to public;

-- The time, for all of our SQL. A simulator sets fairlead.now for its transaction and so owns time here too.
create or replace function fairlead.now() returns timestamptz
  language sql volatile parallel safe
  as $$ select coalesce(nullif(current_setting('fairlead.now', true), '')::timestamptz, clock_timestamp()) $$;

create table if not exists fairlead_migration (
  set_name text not null,
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null,
  primary key (set_name, version)
);

-- Default privileges would let the runtime role rewrite history.
do $$
declare grantee_name text;
begin
  for grantee_name in
    select distinct grantee::regrole::text
      from pg_class, aclexplode(relacl)
     where oid = 'fairlead_migration'::regclass and grantee <> relowner and grantee <> 0
       and privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
  loop
    execute 'revoke insert, update, delete, truncate on fairlead_migration from ' || grantee_name;
  end loop;
end $$;
