import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Pool } from 'pg'
import { openPool } from './connect.ts'
import type { DatabaseAddress } from './database-url.ts'
import { type Account, ownAccount, runAs, serverAccount } from './embedded/account.ts'
import { openBinaries } from './embedded/binaries.ts'
import { createCluster } from './embedded/cluster.ts'
import { ensureOpenFolder, statIfThere } from './embedded/folders.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded/start.ts'
import { migrate } from './migrate.ts'

/** A database of one test, with a pool to it. */
export type FreshDatabase = {
  readonly name: string
  readonly address: DatabaseAddress
  readonly pool: Pool
  /** The same database as another role, which must exist; the pool is ended by `stop()`. */
  poolAs(role: string): Pool
}

export type TestPostgres = {
  readonly server: EmbeddedPostgres
  /** A new database, migrated if `migrations` was given; about 20 ms. */
  freshDatabase(): Promise<FreshDatabase>
  /** Ends all pools and the server, and removes everything. */
  stop(): Promise<void>
}

export type TestOptions = {
  /** Folder of migrations that every fresh database has run. */
  readonly migrations?: string | URL
  /** Also listen on 127.0.0.1, at a free port (`server.tcpPort`). */
  readonly tcp?: boolean
}

/** Nothing here must outlive a power cut, so nothing waits for the disk. */
const NOT_DURABLE = {
  fsync: false,
  full_page_writes: false,
  synchronous_commit: 'off',
  shared_buffers: '16MB',
}

function runProgram(program: string, args: readonly string[], account: Account): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...runAs(account), cwd: '/', stdio: 'ignore' })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}`)),
    )
  })
}

/** A cluster made once by initdb and copied for each test file: 60 ms instead of 700 ms. */
async function openTemplate(account: Account): Promise<string> {
  const binaries = await openBinaries()
  const folder = join(
    dirname(dirname(dirname(binaries.initdb))),
    `test-template-${binaries.version}-${account.name}`,
  )
  if (await statIfThere(join(folder, 'cluster'))) return join(folder, 'cluster')
  await ensureOpenFolder(folder)
  await createCluster(binaries, join(folder, 'cluster'), account, ['--no-sync', '--wal-segsize=1'])
  return join(folder, 'cluster')
}

/** Ends the server and removes its folder when this process is gone, however it went: a test may be killed. */
function watchOver(server: EmbeddedPostgres, folder: string): () => void {
  const script = 'read -r _; kill -0 "$1" 2>/dev/null && kill -INT "$1" && sleep 1; rm -rf "$2"'
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(server.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  return () => {
    watcher.kill('SIGKILL')
    watcher.stdin.destroy()
  }
}

async function makeFolder(account: Account): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  await chmod(folder, 0o711)
  const dataDir = join(folder, 'pg')
  await mkdir(dataDir, { mode: 0o700 })
  await chown(dataDir, account.uid, account.gid)
  await runProgram('cp', ['-a', `${await openTemplate(account)}/.`, dataDir], account)
  return folder
}

/** Databases of one server, each a copy of `template`. */
function databasesOf(server: EmbeddedPostgres, template: string | undefined) {
  const pools: Pool[] = []
  const admin = openPool(server.connection, {
    applicationName: 'test admin',
    max: 1,
    statementTimeoutMs: 30_000,
  })
  let count = 0
  const open = (address: DatabaseAddress) => {
    const pool = openPool(address, { applicationName: 'test' })
    pools.push(pool)
    return pool
  }
  return {
    async fresh(): Promise<FreshDatabase> {
      const name = `test_${++count}`
      await admin.query(`create database ${name}${template ? ` template ${template}` : ''}`)
      const address = server.connectionTo(name)
      return { name, address, pool: open(address), poolAs: (role) => open(server.connectionTo(name, role)) }
    },
    async end(): Promise<void> {
      await Promise.all([...pools, admin].map((pool) => (pool.ended ? undefined : pool.end())))
    },
  }
}

async function migrateTemplate(server: EmbeddedPostgres, folder: string | URL): Promise<string> {
  const pool = openPool(await server.createDatabase('template_migrated'), {
    applicationName: 'test migrations',
    max: 1,
  })
  try {
    await migrate(pool, folder)
  } finally {
    await pool.end()
  }
  return 'template_migrated'
}

/**
 * Starts one real PostgreSQL for a test file, in a folder of its own, in about 150 ms. Call it in `beforeAll`, and
 * `stop()` in `afterAll`. It does not fsync; for tests of durability use `startEmbeddedPostgres`.
 */
export async function startTestPostgres(options: TestOptions = {}): Promise<TestPostgres> {
  const folder = await makeFolder(serverAccount(ownAccount(), undefined))
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, 'pg'),
    settings: NOT_DURABLE,
    ...(options.tcp ? { tcp: {} } : {}),
  })
  const unwatch = watchOver(server, folder)
  const template = options.migrations ? await migrateTemplate(server, options.migrations) : undefined
  const databases = databasesOf(server, template)
  return {
    server,
    freshDatabase: databases.fresh,
    async stop() {
      await databases.end()
      await server.stop()
      unwatch()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
