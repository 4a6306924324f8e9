-- Who numbers audit events: one row for each process of an authority, one for each gateway's Journal. An authority's row
-- has no head; a gateway's has the hash of the last record that was taken.
create table countersign.recorders (
  recorder text primary key,
  kind text not null check (kind in ('authority', 'gateway')),
  gateway text,
  next_n bigint not null check (next_n >= 1),
  head_hash text,
  started bigint not null,
  ended bigint,
  check ((kind = 'gateway') = (gateway is not null))
) with (fillfactor = 50);
grant select, insert, update on countersign.recorders to countersign_app;
grant select on countersign.recorders to countersign_system;

-- The leaves of each tenant's log. The application may add, never change or remove.
create table countersign.audit_events (
  tenant text not null,
  idx bigint not null check (idx >= 0),
  leaf text not null,
  leaf_hash bytea not null check (length(leaf_hash) = 32),
  recorder text not null,
  n bigint not null check (n >= 1),
  at bigint not null,
  kind text not null,
  outcome text not null,
  agent text,
  resource text,
  resource_hash bigint generated always as (hashtextextended(resource, 0)) stored,
  decision text,
  primary key (tenant, idx)
);
-- The wall behind "exactly once".
create unique index audit_events_recorder on countersign.audit_events (recorder, n);
create index audit_events_agent on countersign.audit_events (tenant, agent, idx) where agent is not null;
-- By hash: a name may be longer than an index takes. The hash is a column, because row security lets only functions that are
-- known to leak nothing run before it, and the hash function is not one of them: an index on the expression would stand idle.
create index audit_events_resource on countersign.audit_events (tenant, resource_hash, idx)
  where resource_hash is not null;
create index audit_events_decision on countersign.audit_events (tenant, decision) where decision is not null;
create index audit_events_at on countersign.audit_events (tenant, at);
create index audit_events_refused on countersign.audit_events (tenant, outcome, idx)
  where outcome in ('deny', 'ask', 'failed');
call countersign.wall('audit_events');
grant select, insert on countersign.audit_events to countersign_app;
grant select on countersign.audit_events to countersign_system;

-- Values behind the commitments. They can be forgotten.
create table countersign.audit_openings (
  tenant text not null,
  idx bigint not null,
  field text not null,
  salt text not null,
  value text not null,
  user_hash bigint generated always as (case when field = 'user' then hashtextextended(value, 0) end) stored,
  primary key (tenant, idx, field)
);
create index audit_openings_user on countersign.audit_openings (tenant, user_hash, idx) where user_hash is not null;
call countersign.wall('audit_openings');
grant select, insert, delete on countersign.audit_openings to countersign_app;

-- Where each log stands: its row lock gives leaves their order.
create table countersign.audit_trees (
  tenant text primary key,
  size bigint not null check (size >= 0),
  frontier text[] not null
) with (fillfactor = 50);
call countersign.wall('audit_trees');
grant select, insert, update on countersign.audit_trees to countersign_app;

create table countersign.checkpoints (
  tenant text not null,
  size bigint not null,
  note text not null,
  primary key (tenant, size)
);
call countersign.wall('checkpoints');
grant select, insert, update on countersign.checkpoints to countersign_app;
