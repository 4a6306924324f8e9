import { escapeIdentifier, escapeLiteral } from 'pg'
import type { Tool } from '../../core/policy/tool.ts'

/** Everything a lease needs in the target database: the table that says who a role stands for, and the function that row policies ask. */
export const PREPARE = `
CREATE SCHEMA IF NOT EXISTS countersign;
REVOKE ALL ON SCHEMA countersign FROM PUBLIC;
CREATE TABLE IF NOT EXISTS countersign.leases (
  role name PRIMARY KEY,
  lease text NOT NULL UNIQUE,
  tenant text NOT NULL,
  agent text NOT NULL,
  claims jsonb NOT NULL,
  expires_at timestamptz NOT NULL
);
REVOKE ALL ON countersign.leases FROM PUBLIC;
-- Keyed by session_user, which a role can't change; a session setting could be. The search_path is fixed, so that
-- nothing a role creates is found first. No row, or a lease past its end: null, and a policy that compares it sees nothing.
CREATE OR REPLACE FUNCTION countersign.claim(claim text) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT l.claims ->> claim FROM countersign.leases l WHERE l.role = session_user AND l.expires_at > now() $$;
REVOKE ALL ON FUNCTION countersign.claim(text) FROM PUBLIC;
`

const PRIVILEGES = { read: 'SELECT', write: 'SELECT, INSERT, UPDATE, DELETE' } as const

/** `orders` or `sales.orders`, quoted part by part; without a schema it is `public`. */
export function quotedTable(table: string): { readonly schema: string; readonly table: string } {
  const [first = '', second] = table.split('.')
  return second === undefined
    ? { schema: 'public', table: escapeIdentifier(first) }
    : { schema: first, table: escapeIdentifier(second) }
}

export type RoleAsk = {
  readonly role: string
  readonly verifier: string
  readonly database: string
  /** ISO 8601; the server refuses new logins after it. */
  readonly validUntil: string
  readonly tools: readonly Tool[]
}

/** The statements that make a role which can do exactly what the tools say, and nothing by inheritance. */
export function createRole(ask: RoleAsk): readonly string[] {
  const role = escapeIdentifier(ask.role)
  const tables = ask.tools.flatMap((tool) =>
    tool.table ? [{ ...quotedTable(tool.table), hint: tool.hint }] : [],
  )
  const schemas = [...new Set(tables.map(({ schema }) => schema))]
  return [
    `CREATE ROLE ${role} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 4 PASSWORD ${escapeLiteral(ask.verifier)} VALID UNTIL ${escapeLiteral(ask.validUntil)}`,
    `GRANT CONNECT ON DATABASE ${escapeIdentifier(ask.database)} TO ${role}`,
    `GRANT USAGE ON SCHEMA countersign TO ${role}`,
    `GRANT EXECUTE ON FUNCTION countersign.claim(text) TO ${role}`,
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${role}`),
    ...tables.map(
      ({ schema, table, hint }) =>
        `GRANT ${PRIVILEGES[hint]} ON ${escapeIdentifier(schema)}.${table} TO ${role}`,
    ),
  ]
}

/** First nobody new gets in; only then is what is open ended, so that no session slips between the two. */
export function closeRole(role: string): string {
  return `ALTER ROLE ${escapeIdentifier(role)} NOLOGIN CONNECTION LIMIT 0`
}

export const TERMINATE =
  'SELECT count(pg_terminate_backend(pid)) FILTER (WHERE pid <> pg_backend_pid()) AS ended, count(*) AS open FROM pg_stat_activity WHERE usename = $1'

export function dropRole(role: string): readonly string[] {
  return [`DROP OWNED BY ${escapeIdentifier(role)} CASCADE`, `DROP ROLE ${escapeIdentifier(role)}`]
}
