import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Unavailable } from '../../../core/refusal.ts'
import { type Account, runAs } from './account.ts'
import type { Binaries } from './binaries.ts'
import {
  ensureOpenFolder,
  errorCode,
  removeAbandoned,
  renameIntoPlace,
  requireReachable,
  statIfThere,
  unfinishedName,
  writeOwned,
} from './folders.ts'

/** The database superuser. It has no password, so it can't log in over TCP at all. */
export const SUPERUSER = 'postgres'

/** The name of our map in pg_ident.conf. */
const MAP = 'countersign'

/** Environment of the server's programs: nothing of ours reaches them (PGDATA, PGOPTIONS, LD_PRELOAD …). */
export const SERVER_ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const INITDB_ARGUMENTS = [
  `--username=${SUPERUSER}`,
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--auth-local=peer',
  '--auth-host=scram-sha-256',
  '--no-instructions',
]

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Who may log in. Over the socket: the kernel says which account is at the other end, and only this process's account
 * and the server's own pass, as any database role; so there is no password. Over TCP each role that has a SCRAM
 * verifier, never the superuser.
 */
export function accessRules(tcp: boolean): string {
  const rules = ['# Written by Countersign at every start.', `local all all peer map=${MAP}`]
  if (tcp) rules.push(`host all ${SUPERUSER} all reject`, 'host all all 127.0.0.1/32 scram-sha-256')
  return `${rules.join('\n')}\n`
}

export function identityMap(accounts: readonly Account[]): string {
  const names = new Set(accounts.map(({ name }) => name))
  const lines = [...names].map((name) => `${MAP} ${quoted(name)} all`)
  return `# Written by Countersign at every start.\n${lines.join('\n')}\n`
}

function run(program: string, args: readonly string[], account: Account): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...runAs(account),
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2_000)
    })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`exit ${code}: ${complaint.trim()}`)),
    )
  })
}

/** Runs initdb into a new folder beside `dataDir` and renames it there when it is whole. */
export async function createCluster(
  binaries: Binaries,
  dataDir: string,
  account: Account,
  extraArguments: readonly string[] = [],
): Promise<void> {
  await removeAbandoned(dataDir)
  const unfinished = unfinishedName(dataDir)
  try {
    await mkdir(unfinished, { mode: 0o700 })
    await chmod(unfinished, 0o700)
    await chown(unfinished, account.uid, account.gid)
    await run(binaries.initdb, [...INITDB_ARGUMENTS, ...extraArguments, '-D', unfinished], account)
    await renameIntoPlace(unfinished, dataDir)
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true })
    const says = cause instanceof Error ? cause.message : String(cause)
    throw new Unavailable('store.embedded_init', `the database can't be created in ${dataDir}: ${says}`, {
      cause,
    })
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  return (await readdir(folder)).length === 0
}

async function requireSameVersion(dataDir: string, binaries: Binaries): Promise<void> {
  const [major = ''] = binaries.version.split('.')
  const found = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim()
  if (found === major) return
  const says = `${dataDir} was made by PostgreSQL ${found}; this is ${major}. Dump it with ${found} and restore it`
  throw new Unavailable('store.embedded_version', says)
}

/** Throws unless `dataDir` is missing, empty, or a cluster that `account` owns with mode 0700. */
async function requireUsable(dataDir: string, account: Account): Promise<'new' | 'existing'> {
  const stats = await statIfThere(dataDir)
  if (!stats) return 'new'
  const refuse = (why: string) => new Unavailable('store.embedded_folder', `${dataDir} ${why}`)
  if (!stats.isDirectory()) throw refuse('is not a folder')
  try {
    if (await isEmpty(dataDir)) return 'new'
    if (!(await statIfThere(join(dataDir, 'PG_VERSION')))) throw refuse('holds other files than a database')
  } catch (error) {
    if (errorCode(error) === 'EACCES') throw refuse('belongs to another account')
    throw error
  }
  if (stats.uid !== account.uid) throw refuse(`must belong to ${account.name}, who runs PostgreSQL`)
  if ((stats.mode & 0o077) !== 0) throw refuse('may be read by other accounts; its mode must be 0700')
  return 'existing'
}

/**
 * Makes sure that `dataDir` is a cluster of this version which `account` owns.
 *
 * Throws `Unavailable`: `store.embedded_folder`, `store.embedded_unreachable_folder`, `store.embedded_init`,
 * `store.embedded_version`.
 */
export async function openCluster(binaries: Binaries, dataDir: string, account: Account): Promise<void> {
  try {
    await ensureOpenFolder(dirname(dataDir))
  } catch (cause) {
    throw new Unavailable('store.embedded_folder', `${dirname(dataDir)} can't be made`, { cause })
  }
  await requireReachable(dataDir, account)
  await requireReachable(binaries.initdb, account)
  if ((await requireUsable(dataDir, account)) === 'new') await createCluster(binaries, dataDir, account)
  await requireSameVersion(dataDir, binaries)
}

/** Writes who may log in; the server reads it at its start. */
export async function writeAccess(
  dataDir: string,
  accounts: { self: Account; server: Account },
  tcp: boolean,
): Promise<void> {
  await writeOwned(join(dataDir, 'pg_hba.conf'), accessRules(tcp), accounts.server)
  const map = identityMap([accounts.self, accounts.server])
  await writeOwned(join(dataDir, 'pg_ident.conf'), map, accounts.server)
}
