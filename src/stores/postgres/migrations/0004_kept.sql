-- What a sign-in leaves behind on its way, each under the digest of a key that only its holder knows.
create table countersign.kept (
  tenant text not null,
  kind text not null check (kind in ('pushed', 'sign-in', 'consent', 'code', 'client')),
  digest text not null,
  doc text not null,
  expires bigint not null,
  primary key (tenant, kind, digest)
);
create index kept_expires on countersign.kept (expires);
call countersign.wall('kept');
grant select, insert, delete on countersign.kept to countersign_app;
grant select, update, delete on countersign.kept to countersign_system;

-- The tokens by which sessions are renewed. The one before the current one counts for a moment more: two that race hold it both.
create table countersign.renewals (
  tenant text not null,
  session text not null,
  doc text not null,
  seed text not null,
  current text not null,
  previous text,
  renewed bigint not null,
  expires bigint not null,
  primary key (tenant, session)
);
create index renewals_expires on countersign.renewals (expires);
call countersign.wall('renewals');
grant select, insert, update, delete on countersign.renewals to countersign_app;
grant select, update, delete on countersign.renewals to countersign_system;
