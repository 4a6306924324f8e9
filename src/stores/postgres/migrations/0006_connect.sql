-- What connecting an account leaves on its way.
alter table countersign.kept drop constraint kept_kind_check;
alter table countersign.kept add constraint kept_kind_check check (kind in (
  'pushed', 'sign-in', 'consent', 'code', 'client',
  'connect', 'connect-sign-in', 'connect-consent', 'connect-away', 'connections'
));
