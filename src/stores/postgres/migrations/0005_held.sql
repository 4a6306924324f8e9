-- Secrets that outlive a lease, sealed under their tenant's key: what is read here lets nobody in. `user_id` is empty where one is the
-- tenant's own.
create table countersign.held (
  tenant text not null,
  user_id text not null,
  place text not null,
  sealed text not null,
  about text not null,
  version bigint not null,
  -- Whoever replaces it says until when, so that over all processes one does.
  claimed_until bigint not null default 0,
  changed bigint not null,
  primary key (tenant, user_id, place)
);
call countersign.wall('held');
grant select, insert, update, delete on countersign.held to countersign_app;

-- The tenants' keys, each wrapped by a key that is not in the database.
create table countersign.tenant_keys (
  tenant text not null primary key,
  wrapped text not null
);
call countersign.wall('tenant_keys');
grant select, insert, update on countersign.tenant_keys to countersign_app;
