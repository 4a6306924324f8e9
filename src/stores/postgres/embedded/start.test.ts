import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DatabaseAddress } from '../database-url.ts'
import { ownAccount, parseAccounts, serverAccount } from './account.ts'
import { openBinaries } from './binaries.ts'
import { createCluster } from './cluster.ts'
import type { EmbeddedOptions } from './options.ts'
import { pidFilePath } from './postmaster-pid.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start.ts'

let folder: string
let template: string
const running: EmbeddedPostgres[] = []
const children: ChildProcess[] = []

/** One initdb for the tests that are not about it. */
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'countersign-template-'))
  await chmod(template, 0o755)
  const account = serverAccount(ownAccount(), undefined)
  await createCluster(await openBinaries(), join(template, 'pg'), account, ['--no-sync', '--wal-segsize=1'])
})

afterAll(() => rm(template, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-embedded-'))
  await chmod(folder, 0o755)
  execFileSync('cp', ['-a', join(template, 'pg'), join(folder, 'pg')])
})

afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  for (const server of running.splice(0)) await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), ...options })
  running.push(server)
  return server
}

async function ask(address: DatabaseAddress, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ ...address, connectionTimeoutMillis: 3_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

type Said = { pid?: number; takenOver?: boolean; account?: string; reason?: string }

/** Starts a supervisor in another process, perhaps of another account, and waits for what it says. */
async function startElsewhere(options: EmbeddedOptions, who: { uid?: number; gid?: number } = {}) {
  const script = fileURLToPath(new URL('./supervisor.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    ...who,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  return { child, said: JSON.parse(line) as Said }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A killed process whose parent is gone stays a zombie until PID 1 reaps it; that one runs no more. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('a PostgreSQL of our own', () => {
  test('answers as superuser over a socket, is durable, and is gone after stop', async () => {
    const server = await start({ dataDir: join(folder, 'new', 'pg') })
    expect(server.takenOver).toBe(false)
    const [row] = await ask(
      server.connection,
      `select current_user as who, current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
       current_setting('full_page_writes') as pages, current_setting('data_checksums') as sums,
       current_setting('listen_addresses') as listens`,
    )
    expect(row).toEqual({ who: 'postgres', fsync: 'on', commit: 'on', pages: 'on', sums: 'on', listens: '' })
    await server.stop()
    await server.stop()
    expect(isRunning(server.pid)).toBe(false)
    expect(await server.ended).toBe('stopped')
  })

  test('keeps its data in a 0700 folder of an account that is not root', async () => {
    const server = await start()
    const data = await stat(server.dataDir)
    expect(data.mode & 0o777).toBe(0o700)
    expect(data.uid).not.toBe(0)
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
    expect(status).toMatch(new RegExp(`^Uid:\\s+${data.uid}\\s+${data.uid}\\s`, 'm'))
  })

  test('does not put failed statements into its log, since one may set a password', async () => {
    const server = await start()
    await expect(ask(server.connection, `alter role nobody_here password 'hunter2hunter2'`)).rejects.toThrow()
    const log = await readFile(join(server.dataDir, 'server.log'), 'utf8')
    expect(log).toContain('nobody_here')
    expect(log).not.toContain('hunter2')
  })

  test('creates a database once, however often it is asked', async () => {
    const server = await start()
    await Promise.all([server.createDatabase('a "b"'), server.createDatabase('a "b"')])
    const address = await server.createDatabase('a "b"')
    expect(await ask(address, 'select current_database() as name')).toEqual([{ name: 'a "b"' }])
  })

  test('lets us in as any role over the socket', async () => {
    const server = await start()
    await ask(server.connection, 'create role plain login')
    const rows = await ask(server.connectionTo('postgres', 'plain'), 'select current_user as who')
    expect(rows).toEqual([{ who: 'plain' }])
  })

  test('runs beside another one', async () => {
    const [a, b] = await Promise.all([
      start({ dataDir: join(folder, 'a') }),
      start({ dataDir: join(folder, 'b') }),
    ])
    expect(a.pid).not.toBe(b.pid)
    expect(await ask(a.connection, 'select 1 as n')).toEqual(await ask(b.connection, 'select 1 as n'))
  })

  test('has a socket even where the data directory has a very long path', async () => {
    const server = await start({ dataDir: join(folder, 'long'.repeat(30), 'pg') })
    expect(Buffer.byteLength(join(server.socketDir, `.s.PGSQL.${server.port}`))).toBeLessThan(107)
    expect((await stat(server.socketDir)).mode & 0o777).toBe(0o700)
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }])
    await server.stop()
    await rm(server.socketDir, { recursive: true })
  })

  test('says when it went away by itself', async () => {
    const server = await start()
    process.kill(server.pid, 'SIGKILL')
    expect(await server.ended).toBe('lost')
    const again = await start()
    expect(again.takenOver).toBe(false)
    expect(await ask(again.connection, 'select 1 as n')).toEqual([{ n: 1 }])
  })

  test('can be given up while it starts', async () => {
    const signal = AbortSignal.abort(new Error('given up'))
    await expect(start({ signal })).rejects.toThrow('given up')
  })

  test('leaves no server behind when it is given up while the server starts', async () => {
    const giveUp = new AbortController()
    const starting = start({ signal: giveUp.signal })
    const path = pidFilePath(join(folder, 'pg'))
    const text = await vi.waitFor(() => readFile(path, 'utf8'), { timeout: 5_000, interval: 1 })
    giveUp.abort(new Error('given up'))
    await expect(starting).rejects.toThrow('given up')
    await vi.waitFor(() => expect(isRunning(Number.parseInt(text, 10))).toBe(false), { timeout: 5_000 })
  })
})

test('a server that lets nobody in is not left running', async () => {
  const starting = start({ settings: { session_preload_libraries: 'no_such_library' } })
  await expect(starting).rejects.toMatchObject({ reason: 'store.embedded_unreachable' })
  expect(existsSync(pidFilePath(join(folder, 'pg')))).toBe(false)
})

describe('over TCP', () => {
  test('takes a role with its SCRAM password, and neither a wrong one, nor none, nor the superuser', async () => {
    const server = await start({ tcp: {} })
    await ask(server.connection, `create role analyst login password 'right'`)
    const tcp = { host: '127.0.0.1', port: server.tcpPort ?? 0, database: 'postgres', user: 'analyst' }
    const password =
      'select rolpassword like $$SCRAM-SHA-256$%$$ as scram from pg_authid where rolname = $$analyst$$'
    expect(await ask(server.connection, password)).toEqual([{ scram: true }])
    expect(await ask({ ...tcp, password: 'right' }, 'select current_user as who')).toEqual([
      { who: 'analyst' },
    ])
    await expect(ask({ ...tcp, password: 'wrong' }, 'select 1')).rejects.toThrow(
      /password authentication failed/,
    )
    await expect(ask({ ...tcp, password: '' }, 'select 1')).rejects.toThrow()
    await ask(server.connection, `alter role postgres password 'known'`)
    await expect(ask({ ...tcp, user: 'postgres', password: 'known' }, 'select 1')).rejects.toThrow(
      /rejects connection/,
    )
  })

  test('says so when the port it was given is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? address.port : 0
    try {
      await expect(start({ tcp: { port } })).rejects.toMatchObject({ reason: 'store.embedded_port' })
    } finally {
      other.close()
    }
  })
})

describe('after a kill -9 of its supervisor', () => {
  test('it is taken over by the next start, and its data is there', async () => {
    const dataDir = join(folder, 'pg')
    const { child, said } = await startElsewhere({ dataDir })
    await kill(child)
    expect(isRunning(said.pid ?? 0)).toBe(true)
    const server = await start({ dataDir })
    expect(server).toMatchObject({ takenOver: true, pid: said.pid })
    expect(await ask(server.connection, 'select 1 as n')).toEqual([{ n: 1 }])
    await server.stop()
    expect(isRunning(server.pid)).toBe(false)
  })

  test('it is stopped and started anew if it was started otherwise', async () => {
    const dataDir = join(folder, 'pg')
    const { child, said } = await startElsewhere({ dataDir })
    await kill(child)
    const server = await start({ dataDir, settings: { max_connections: 33 } })
    expect(server.takenOver).toBe(false)
    expect(server.pid).not.toBe(said.pid)
    expect(await ask(server.connection, 'show max_connections')).toEqual([{ max_connections: '33' }])
  })

  test('it keeps its TCP port when any port will do', async () => {
    const options = { dataDir: join(folder, 'pg'), tcp: {} }
    const { child, said } = await startElsewhere(options)
    await kill(child)
    const server = await start(options)
    expect(server).toMatchObject({ takenOver: true, pid: said.pid })
    expect(server.tcpPort).toBeGreaterThan(1024)
  })
})

describe('two supervisors of one data directory', () => {
  test('the second is told that it is in use', async () => {
    await start()
    const { said } = await startElsewhere({ dataDir: join(folder, 'pg') })
    expect(said.reason).toBe('store.embedded_in_use')
    await expect(start()).rejects.toMatchObject({ reason: 'store.embedded_in_use' })
  })

  test('the one that lost its hold does not stop what another has taken over', async () => {
    const dataDir = join(folder, 'pg')
    const first = await start({ dataDir })
    await ask(
      first.connection,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'countersign supervisor'`,
    )
    expect(await first.ended).toBe('lost')
    const second = await start({ dataDir })
    expect(second).toMatchObject({ takenOver: true, pid: first.pid })
    await first.stop()
    expect(isRunning(second.pid)).toBe(true)
  })

  test('of four that begin at once on a new directory, one has it', async () => {
    const dataDir = join(folder, 'new')
    const all = await Promise.all([1, 2, 3, 4].map(() => startElsewhere({ dataDir })))
    const reasons = all.map(({ said }) => said.reason ?? 'has it').sort()
    expect(reasons).toEqual(['has it', ...Array(3).fill('store.embedded_in_use')])
    const winner = all.find(({ said }) => said.pid !== undefined)
    winner?.child.stdin?.end()
    if (winner) await once(winner.child, 'exit')
    expect(winner?.child.exitCode).toBe(0)
    expect(isRunning(winner?.said.pid ?? 0)).toBe(false)
  })
})

describe('a pid file that was left behind', () => {
  async function leaveBehind(pid: number): Promise<void> {
    const server = await start()
    const text = await readFile(pidFilePath(server.dataDir), 'utf8')
    await server.stop()
    await writeFile(pidFilePath(server.dataDir), text.replace(/^\d+/, String(pid)))
  }

  test('of a process that is dead does not hinder a start', async () => {
    const gone = spawn('true')
    await once(gone, 'exit')
    await leaveBehind(gone.pid ?? 0)
    expect((await start()).takenOver).toBe(false)
  })

  test('whose pid is another program of the same account now does not hinder a start, nor harm that program', async () => {
    const server = await start()
    const { uid, gid } = await stat(server.dataDir)
    const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {})
    children.push(other)
    await server.stop()
    await leaveBehind(other.pid ?? 0)
    const again = await start()
    expect(again.takenOver).toBe(false)
    await again.stop()
    expect(isRunning(other.pid ?? 0)).toBe(true)
  })

  test('of a zombie does not hinder a start', async () => {
    // `sleep` never waits for a child. The child ends only when the shell has become it: a shell might.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(parent)
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    await expect.poll(() => readFile(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n')
    process.kill(Number(line), 'SIGKILL')
    await expect.poll(() => isRunning(Number(line))).toBe(false)
    await leaveBehind(Number(line))
    expect(await readFile(`/proc/${line}/stat`, 'utf8')).toContain(') Z ')
    expect((await start()).takenOver).toBe(false)
  })
})

describe('what it refuses', () => {
  test('a folder that holds other files', async () => {
    const dataDir = join(folder, 'letters')
    await mkdir(dataDir, { mode: 0o700 })
    await writeFile(join(dataDir, 'letter.txt'), 'mine')
    await expect(start({ dataDir })).rejects.toMatchObject({ reason: 'store.embedded_folder' })
    expect(await readFile(join(dataDir, 'letter.txt'), 'utf8')).toBe('mine')
  })

  test('a cluster that others may read', async () => {
    const server = await start()
    await server.stop()
    await chmod(server.dataDir, 0o755)
    await expect(start()).rejects.toMatchObject({ reason: 'store.embedded_folder' })
  })

  test('a cluster of another version', async () => {
    const server = await start()
    await server.stop()
    await writeFile(join(server.dataDir, 'PG_VERSION'), '12\n')
    await expect(start()).rejects.toMatchObject({ reason: 'store.embedded_version' })
  })

  test('a setting that PostgreSQL does not know, in the words of PostgreSQL', async () => {
    const wrong = start({ settings: { no_such_setting: 1 } })
    await expect(wrong).rejects.toMatchObject({ reason: 'store.embedded_failed' })
    await expect(wrong).rejects.toThrow(/no_such_setting/)
  })

  test('a setting that we make ourselves', async () => {
    await expect(start({ settings: { hba_file: '/etc/passwd' } })).rejects.toThrow(
      /can't be set from outside/,
    )
  })

  test.runIf(process.getuid?.() === 0)('as root, a place that the server may not enter', async () => {
    await chmod(folder, 0o700)
    await expect(start()).rejects.toMatchObject({ reason: 'store.embedded_unreachable_folder' })
  })
})

describe.runIf(process.getuid?.() === 0)('as an account without privileges', () => {
  test('it runs as that account, with programs copied to its own cache, and is taken over by it', async () => {
    const nobody = parseAccounts(await readFile('/etc/passwd', 'utf8')).find(({ name }) => name === 'nobody')
    if (!nobody) throw new Error('this machine has no account nobody')
    await chmod(folder, 0o777)
    const options = { dataDir: join(folder, 'own'), cacheFolder: join(folder, 'cache') }
    const first = await startElsewhere(options, nobody)
    expect(first.said).toMatchObject({ account: 'nobody', takenOver: false })
    expect((await stat(options.dataDir)).uid).toBe(nobody.uid)
    await kill(first.child)
    const second = await startElsewhere(options, nobody)
    expect(second.said).toMatchObject({ takenOver: true, pid: first.said.pid })
    second.child.stdin?.end()
    await once(second.child, 'exit')
    expect(isRunning(first.said.pid ?? 0)).toBe(false)
  })
})
