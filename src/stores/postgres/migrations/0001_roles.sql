-- The program logs in as the owner of these tables but works as one of two roles without power over them, so that row
-- security holds for it: countersign_app sees the tenants that its transaction names, countersign_system what spans tenants.
-- Roles belong to the whole server: another database of ours may have made them already, or be making them now.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['countersign_app', 'countersign_system'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit', wanted);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;
    if exists (select from pg_roles where rolname = wanted and (rolsuper or rolbypassrls)) then
      raise exception 'the role % must not bypass row security', wanted;
    end if;
    -- A superuser may take any role. Who else made the roles may grant them to itself; otherwise someone has granted them to us.
    -- Taken, not inherited: a statement that forgot to take a role must not be let through by its policies.
    if not (select rolsuper from pg_roles where rolname = current_user) then
      begin
        execute format('grant %I to current_user', wanted)
          || case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end;
      exception
        when insufficient_privilege then null;
      end;
    end if;
  end loop;
end
$$;

create schema countersign;
grant usage on schema countersign to countersign_app, countersign_system;

-- The tenants of this transaction; none when it named none, so that a statement that forgot to sees nothing.
create function countersign.tenants() returns text[]
  language sql stable parallel safe
  set search_path = pg_catalog
  as $$ select string_to_array(coalesce(current_setting('countersign.tenant', true), ''), ',') $$;

-- Both walls of a table in one place: rows of the named tenants for one role, all rows for the other.
create procedure countersign.wall(name text)
  language plpgsql
  set search_path = pg_catalog
  as $$
begin
  execute format('alter table countersign.%I enable row level security', name);
  execute format('alter table countersign.%I force row level security', name);
  execute format('create policy tenant on countersign.%I to countersign_app
    using (tenant = any ((select countersign.tenants())::text[]))', name);
  execute format('create policy system on countersign.%I to countersign_system using (true)', name);
end
$$;
revoke all on procedure countersign.wall(text) from public;
