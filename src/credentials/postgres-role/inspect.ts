import type { Pool } from 'pg'
import { escapeIdentifier } from 'pg'
import type { Finding } from '../contract.ts'

type Row = { readonly what: string }

/** What PUBLIC may do, every minted role may do: each of these would make a lease wider than its tools. */
const CHECKS: readonly {
  readonly code: string
  readonly says: (what: string) => string
  readonly sql: string
  readonly remedy: (what: string) => string
}[] = [
  {
    code: 'postgres.public_table',
    says: (what) => `PUBLIC may use ${what}`,
    sql: `SELECT format('%I.%I', n.nspname, c.relname) AS what FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
      LATERAL aclexplode(c.relacl) a WHERE a.grantee = 0 AND c.relkind IN ('r','v','m','p','f','S')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%' GROUP BY 1 ORDER BY 1`,
    remedy: (what) => `REVOKE ALL ON ${what} FROM PUBLIC;`,
  },
  {
    code: 'postgres.public_definer',
    says: (what) => `PUBLIC may run ${what}, a SECURITY DEFINER function`,
    sql: `SELECT p.oid::regprocedure::text AS what FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)) ORDER BY 1`,
    remedy: (what) => `REVOKE ALL ON FUNCTION ${what} FROM PUBLIC;`,
  },
  {
    code: 'postgres.public_create',
    says: (what) => `PUBLIC may create objects in schema ${what}`,
    sql: `SELECT quote_ident(n.nspname) AS what FROM pg_namespace n, LATERAL aclexplode(n.nspacl) a
      WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' ORDER BY 1`,
    remedy: (what) => `REVOKE CREATE ON SCHEMA ${what} FROM PUBLIC;`,
  },
  {
    code: 'postgres.public_database',
    says: (what) => `PUBLIC may create or use temporary tables in database ${what}`,
    sql: `SELECT quote_ident(d.datname) AS what FROM pg_database d WHERE d.datname = current_database()
      AND (d.datacl IS NULL OR EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = 0 AND a.privilege_type IN ('CREATE', 'TEMPORARY')))`,
    remedy: (what) => `REVOKE ALL ON DATABASE ${what} FROM PUBLIC;`,
  },
]

/** Looks at what PUBLIC holds; the tables named by tools must exist too. */
export async function inspectDatabase(pool: Pool, tables: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const { code, says, sql, remedy } of CHECKS) {
    const { rows } = await pool.query<Row>(sql)
    findings.push(...rows.map(({ what }) => ({ code, says: says(what), remedy: [remedy(what)] })))
  }
  for (const table of tables) {
    const { rows } = await pool.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
      qualified(table),
    ])
    if (!rows[0]?.found)
      findings.push({ code: 'postgres.no_table', says: `there is no table ${table}`, remedy: [] })
  }
  return findings
}

function qualified(table: string): string {
  const [schema = '', name] = table.includes('.') ? table.split('.') : ['public', table]
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name ?? '')}`
}
