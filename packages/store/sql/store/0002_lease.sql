-- Leases: rights that end by themselves, with tokens that only grow.

-- One row a process and life. Renewing is an update of this row and of no other. A row that is gone is a holder that
-- has ended: whoever takes a lease over deletes the row of the holder that lapsed, and so nothing of it is renewed again.
create table fairlead_lease_holder (
  id text primary key,
  name text not null,
  expires_at timestamptz not null,
  groups text[] not null
) with (fillfactor = 50);

-- One row a name, kept when nobody holds it: its token is what the next one is above. Deliberately without a foreign key:
-- a lease whose holder has no row is free.
create table fairlead_lease (
  name text primary key,
  token bigint not null,
  holder text,
  acquisition text,
  acquired_at timestamptz
);

-- Acquires a lease in one statement. state: held (token is the new one); taken (by whom, until when); ended: the asking
-- holder has no row any more. Locks the lease, then the row of the holder that it is taken from, and never a second lease,
-- so acquirers can't wait in a circle. A lease of a living holder is answered without a lock.
create function fairlead_lease_acquire(p_name text, p_holder text, p_acquisition text)
  returns table (state text, token bigint, taken_by text, taken_until timestamptz, remaining_ms double precision)
  language plpgsql volatile
as $$
declare
  v_now timestamptz := fairlead.now();
  v_lease fairlead_lease;
  v_owner fairlead_lease_holder;
begin
  if not exists (select from fairlead_lease_holder h where h.id = p_holder) then
    return query select 'ended', null::bigint, null::text, null::timestamptz, null::double precision;
    return;
  end if;
  select h.* into v_owner from fairlead_lease l join fairlead_lease_holder h on h.id = l.holder where l.name = p_name;
  if not found or (v_owner.expires_at <= v_now and v_owner.id <> p_holder) then
    insert into fairlead_lease (name, token) values (p_name, 0) on conflict (name) do nothing;
    -- Waits for guarded transactions under way: their commits belong to the old token.
    select l.* into v_lease from fairlead_lease l where l.name = p_name for no key update;
    -- Waits for a renewal under way and then sees what it wrote.
    select h.* into v_owner from fairlead_lease_holder h where h.id = v_lease.holder for update;
    v_now := fairlead.now();
    if not found or (v_owner.expires_at <= v_now and v_owner.id <> p_holder) then
      delete from fairlead_lease_holder h where h.id = v_owner.id;
      -- Not below the time in milliseconds: a database that was restored does not give tokens twice.
      return query
        update fairlead_lease l
           set token = greatest(l.token + 1, floor(extract(epoch from v_now) * 1000)::bigint),
               holder = p_holder, acquisition = p_acquisition, acquired_at = v_now
         where l.name = p_name
        returning 'held', l.token, null::text, null::timestamptz, null::double precision;
      return;
    end if;
  end if;
  return query
    select 'taken', null::bigint, v_owner.name, v_owner.expires_at,
           greatest(0, extract(epoch from v_owner.expires_at - v_now) * 1000)::double precision;
end $$;
