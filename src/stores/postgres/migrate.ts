import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pool, PoolClient } from 'pg'
import { Bug, Unavailable } from '../../core/refusal.ts'
import { withTransaction } from './connect.ts'

/** One step of the schema: `0007_leases.sql` has version 7 and name `leases`. */
export type Migration = {
  readonly version: number
  readonly name: string
  readonly file: string
  readonly sql: string
  /** SHA-256 of the text with its line ends as LF, in hex. */
  readonly checksum: string
}

/** What a run did: the versions it applied, and the one the database is at now. */
export type Migrated = { readonly applied: readonly number[]; readonly version: number }

type AppliedRow = { readonly version: number; readonly name: string; readonly checksum: string }

const FILE = /^(\d{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql$/
/** Key of the advisory lock under which one runner at a time works on a database. */
const LOCK_KEY = 4_867_293_512
/** How long a runner waits for another one. */
const LOCK_WAIT = '120s'

async function readMigration(folder: string, file: string): Promise<Migration> {
  const [, digits = '', name = ''] = FILE.exec(file) ?? []
  if (name === '') throw new Bug(`${file} is not named like 0001_name.sql`)
  // A checkout may have turned the line ends; that changes nothing in the schema.
  const sql = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n')
  return {
    version: Number(digits),
    name,
    file,
    sql,
    checksum: createHash('sha256').update(sql).digest('hex'),
  }
}

/**
 * The migrations of a folder in order. They count up from 1 without a gap: two branches that both add 0007 must find
 * out when they meet. Throws `Bug` on any other file name or number.
 */
export async function readMigrations(folder: string | URL): Promise<Migration[]> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder
  const files = (await readdir(path)).filter((file) => file.endsWith('.sql')).sort()
  const migrations = await Promise.all(files.map((file) => readMigration(path, file)))
  migrations.forEach(({ version, file }, index) => {
    if (version !== index + 1) throw new Bug(`${file} should have the number ${index + 1}`)
  })
  return migrations
}

async function lock(client: PoolClient): Promise<void> {
  await client.query(`set local lock_timeout = '${LOCK_WAIT}'`)
  await client.query('select pg_advisory_xact_lock($1)', [LOCK_KEY])
  // A migration may take long; nobody waits for it but other runners.
  await client.query('set local statement_timeout = 0')
  await client.query('set local idle_in_transaction_session_timeout = 0')
}

async function readApplied(client: PoolClient): Promise<AppliedRow[]> {
  await client.query(`create schema if not exists countersign_schema`)
  await client.query(`create table if not exists countersign_schema.migration (
    version integer primary key,
    name text not null,
    checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz not null default now()
  )`)
  const { rows } = await client.query<AppliedRow>(
    'select version, name, checksum from countersign_schema.migration order by version',
  )
  return rows
}

/** Throws unless what the database has is exactly how our list begins. */
function requirePrefix(applied: readonly AppliedRow[], migrations: readonly Migration[]): void {
  applied.forEach((row, index) => {
    const ours = migrations[index]
    if (!ours) {
      const says = `the database is at schema ${applied.at(-1)?.version}, this program knows ${migrations.length}; run the newer program`
      throw new Unavailable('store.schema_newer', says)
    }
    if (row.version !== ours.version || row.name !== ours.name || row.checksum !== ours.checksum) {
      const says = `migration ${row.version} (${row.name}) was applied with another content than ${ours.file} has; put the file back, and add a new one`
      throw new Unavailable('store.schema_changed', says)
    }
  })
}

async function transactionId(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id')
  return rows[0]?.id ?? ''
}

async function apply(client: PoolClient, { version, name, file, sql, checksum }: Migration): Promise<void> {
  const before = await transactionId(client)
  try {
    await client.query(sql)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Unavailable('store.migration_failed', `${file} failed, nothing of it was kept: ${why}`, {
      cause,
    })
  }
  if ((await transactionId(client)) !== before) {
    throw new Bug(`${file} ends its transaction; a migration must not hold BEGIN, COMMIT or ROLLBACK`)
  }
  await client.query(
    'insert into countersign_schema.migration (version, name, checksum) values ($1, $2, $3)',
    [version, name, checksum],
  )
}

/** Applies the next migration that is missing; nothing when there is none. */
function applyNext(pool: Pool, migrations: readonly Migration[]): Promise<number | undefined> {
  return withTransaction(pool, async (client) => {
    await lock(client)
    const applied = await readApplied(client)
    requirePrefix(applied, migrations)
    const next = migrations[applied.length]
    if (next) await apply(client, next)
    return next?.version
  })
}

/**
 * Brings a database up to the migrations of `folder`, each in a transaction of its own together with its record, so
 * that a crash leaves a whole number of them. Any number of runners may do this at once: the lock belongs to the
 * transaction, so it ends with it, also behind a connection pooler.
 *
 * Throws `Unavailable`: `store.schema_newer`, `store.schema_changed`, `store.migration_failed`, `store.timeout`
 * (another runner works for over two minutes), `store.unreachable`. Throws `Bug` on a wrong set of files.
 */
export async function migrate(pool: Pool, folder: string | URL): Promise<Migrated> {
  const migrations = await readMigrations(folder)
  const applied: number[] = []
  for (;;) {
    const version = await applyNext(pool, migrations)
    if (version === undefined) return { applied, version: migrations.length }
    applied.push(version)
  }
}
