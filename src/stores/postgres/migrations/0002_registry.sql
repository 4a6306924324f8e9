-- The number of the newest commit that changed the registry. Raised under its row lock by the transaction that writes the
-- change, so commit order is revision order; a sequence would not give that.
create table countersign.revision (
  one boolean primary key default true check (one),
  revision bigint not null check (revision >= 0)
) with (fillfactor = 10);
insert into countersign.revision (revision) values (0);
grant select, update on countersign.revision to countersign_app;
grant select on countersign.revision to countersign_system;

-- The newest document of each object. Text, not jsonb: a number comes back as it was written. A removed object stays as a
-- row without a document, so that whoever was away learns of it.
create table countersign.objects (
  tenant text not null,
  kind text not null,
  name text not null,
  doc text,
  revision bigint not null,
  deleted boolean not null generated always as (doc is null) stored,
  primary key (tenant, kind, name)
);
create index objects_revision on countersign.objects (revision);
call countersign.wall('objects');
grant select, insert, update on countersign.objects to countersign_app;
grant select on countersign.objects to countersign_system;

create table countersign.sessions (
  tenant text not null,
  id text not null,
  agent text not null,
  user_id text,
  links text[] not null,
  started bigint not null,
  expires bigint not null,
  primary key (tenant, id)
);
-- By link they are searched among those that last: row security would not let an index on the links run before it.
create index sessions_live on countersign.sessions (tenant, expires);
create index sessions_expires on countersign.sessions (expires);
call countersign.wall('sessions');
grant select, insert, update on countersign.sessions to countersign_app;
grant select, update, delete on countersign.sessions to countersign_system;

create table countersign.leases (
  tenant text not null,
  id text not null,
  lease text not null,
  handle text not null,
  state text not null check (state in ('pending', 'active', 'ended')),
  links text[] not null,
  expires bigint not null,
  primary key (tenant, id)
);
create index leases_open on countersign.leases (tenant, expires) where state <> 'ended';
create index leases_open_expires on countersign.leases (expires) where state <> 'ended';
call countersign.wall('leases');
grant select, insert, update on countersign.leases to countersign_app;
grant select on countersign.leases to countersign_system;

-- What can happen once. A row stays until some time after its key has expired.
create table countersign.spent (
  tenant text not null,
  key text not null,
  expires bigint not null,
  primary key (tenant, key)
);
create index spent_expires on countersign.spent (expires);
call countersign.wall('spent');
grant select, insert on countersign.spent to countersign_app;
grant select, update, delete on countersign.spent to countersign_system;

create table countersign.evidence_bindings (
  tenant text not null,
  instance text not null,
  jkt text not null,
  expires bigint not null,
  primary key (tenant, instance)
);
create index evidence_bindings_expires on countersign.evidence_bindings (expires);
call countersign.wall('evidence_bindings');
grant select, insert, update on countersign.evidence_bindings to countersign_app;
grant select, update, delete on countersign.evidence_bindings to countersign_system;

-- State never goes back, whoever writes.
create function countersign.keep_lease_state() returns trigger
  language plpgsql
  as $$
begin
  if old.state = 'ended' or new.state = 'pending' then
    raise exception 'a lease does not go from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger leases_state before update of state on countersign.leases
  for each row when (old.state is distinct from new.state) execute function countersign.keep_lease_state();
