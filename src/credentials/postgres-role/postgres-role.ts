import { Pool } from 'pg'
import { z } from 'zod'
import type { Lease } from '../../core/credential/lease.ts'
import type { Resource } from '../../core/policy/resource.ts'
import { Bug, type Refusal, refuse, Unavailable } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Secret } from '../../core/secret.ts'
import type { CredentialProvider, Issue } from '../contract.ts'
import { inspectDatabase } from './inspect.ts'
import { closeRole, createRole, dropRole, PREPARE, TERMINATE } from './role-sql.ts'
import { newPassword, scramVerifier } from './scram.ts'

const config = z.strictObject({
  /**
   * The admin's way in, one of the authority's roots: by socket and peer authentication, `postgres:///analytics?host=/run/postgresql`,
   * or by certificate. It must own the tables or hold them WITH GRANT OPTION, and may create roles and end their sessions.
   */
  admin: z.url({ protocol: /^postgres(ql)?$/ }),
})
export type PostgresRoleConfig = z.infer<typeof config>

const PREFIX = 'cs_'
/** How long a session may take to die after it was told to. */
const END_WITHIN_MS = 3000
const ONE_AT_A_TIME = 7_236_514

/** The role of a lease: its id, so that what is found in the database says which lease it belongs to. */
export function roleOf(lease: Pick<Lease, 'id'>): string {
  return PREFIX + lease.id
}

type Pools = { readonly get: (admin: string) => Promise<Pool>; readonly close: () => Promise<void> }

/** One small pool for each admin login; its database is prepared when it is first used. */
function createPools(): Pools {
  const pools = new Map<string, Promise<Pool>>()
  const open = async (admin: string): Promise<Pool> => {
    const pool = new Pool({
      connectionString: admin,
      max: 4,
      connectionTimeoutMillis: 5000,
      statement_timeout: 10_000,
      application_name: 'countersign',
    })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    await inTransaction(pool, [`SELECT pg_advisory_xact_lock(${ONE_AT_A_TIME})`, PREPARE])
    return pool
  }
  return {
    get: (admin) => {
      const known = pools.get(admin)
      if (known) return known
      const opening = open(admin).catch((error: unknown) => {
        pools.delete(admin)
        throw new Unavailable(
          'postgres_role.unreachable',
          "the target database can't be reached as its admin",
          { cause: error },
        )
      })
      pools.set(admin, opening)
      return opening
    },
    close: async () => {
      for (const pool of await Promise.allSettled(pools.values()))
        if (pool.status === 'fulfilled') await pool.value.end()
    },
  }
}

type Statement = string | { readonly text: string; readonly values: unknown[] }

async function inTransaction(pool: Pool, statements: readonly Statement[]): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (const statement of statements) await client.query(statement)
    await client.query('COMMIT')
    client.release()
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    client.release(true)
    throw error
  }
}

/** What row policies may ask of this role: the user's attributes, and who it stands for. */
function claimsOf(issue: Issue): Record<string, unknown> {
  return {
    ...issue.user?.attributes,
    tenant: issue.lease.tenant,
    agent: issue.lease.agent,
    ...(issue.lease.user ? { user: issue.lease.user } : {}),
  }
}

async function mint(pool: Pool, issue: Issue, database: string): Promise<Secret> {
  const password = newPassword()
  const role = roleOf(issue.lease)
  const validUntil = new Date(issue.lease.expires * 1000).toISOString()
  const row: Statement = {
    text: 'INSERT INTO countersign.leases (role, lease, tenant, agent, claims, expires_at) VALUES ($1, $2, $3, $4, $5, $6)',
    values: [role, issue.lease.id, issue.lease.tenant, issue.lease.agent, claimsOf(issue), validUntil],
  }
  await inTransaction(pool, [
    ...createRole({ role, verifier: scramVerifier(password), database, validUntil, tools: issue.tools }),
    row,
  ])
  return new Secret(password)
}

async function roleExists(pool: Pool, role: string): Promise<boolean> {
  return ((await pool.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role])).rowCount ?? 0) > 0
}

/** Ends every session of the role and waits until they are gone: DROP OWNED while one still runs could miss what it makes. */
async function endSessions(pool: Pool, role: string): Promise<boolean> {
  const until = performance.now() + END_WITHIN_MS
  while (performance.now() < until) {
    const { rows } = await pool.query<{ open: string }>(TERMINATE, [role])
    if (Number(rows[0]?.open ?? 0) === 0) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

/** NOLOGIN, sessions ended, DROP OWNED, DROP ROLE: in this order, each step safe to repeat. */
async function endRole(pool: Pool, role: string): Promise<Result<void, Refusal>> {
  if (!(await roleExists(pool, role))) {
    await pool.query('DELETE FROM countersign.leases WHERE role = $1', [role])
    return ok(undefined)
  }
  await inTransaction(pool, [
    closeRole(role),
    { text: 'DELETE FROM countersign.leases WHERE role = $1', values: [role] },
  ])
  if (!(await endSessions(pool, role))) {
    return err(
      refuse('limited', 'postgres_role.session_lingers', 'a session of this login has not ended yet', {
        role,
      }),
    )
  }
  await inTransaction(pool, dropRole(role))
  return ok(undefined)
}

/** Where the login works: the resource's public address, which may be another than the admin's. */
function target(resource: Extract<Resource, { readonly at: string }>): {
  readonly host: string
  readonly port: number
  readonly database: string
} {
  const url = new URL(resource.at)
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    database: decodeURIComponent(url.pathname.slice(1)),
  }
}

/**
 * Mints a PostgreSQL role that can do exactly what the tools say and lives as long as its lease. Who the role stands for is kept
 * in a table keyed by `session_user`, which the role can't change; row policies read it through `countersign.claim(name)`.
 */
export function createPostgresRole(): CredentialProvider<PostgresRoleConfig> & {
  readonly close: () => Promise<void>
} {
  const pools = createPools()
  return {
    name: 'postgres-role',
    config,
    custody: 'minted',
    issue: async (issue, { admin }) => {
      if (issue.resource.type === 'objects') throw new Bug('objects have no login')
      const place = target(issue.resource)
      const secret = await mint(await pools.get(admin), issue, place.database)
      const user = roleOf(issue.lease)
      return ok({
        placement: { kind: 'login', ...place, user },
        secret,
        expires: issue.lease.expires,
        handle: user,
      })
    },
    revoke: async (handle, lease, _resource, { admin }) =>
      endRole(await pools.get(admin), handle || roleOf(lease)),
    inspect: async (resource, { admin }) => {
      const tables = resource.type === 'postgres' ? [...resource.tools.read, ...resource.tools.write] : []
      return inspectDatabase(await pools.get(admin), tables)
    },
    close: pools.close,
  }
}
