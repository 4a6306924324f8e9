import { constants } from 'node:fs'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, statIfThere } from './folders.ts'

/** What a running server writes in `postmaster.pid` of its data directory (PostgreSQL, miscadmin.h). */
export type PidFile = {
  readonly pid: number
  readonly port: number
  readonly socketDir: string
  /** `starting`, `ready`, `stopping`, `standby`; empty in the first moments. */
  readonly status: string
}

/** `dead` holds the text that was judged, so that it can be told from a file written since. */
export type Found =
  | { readonly state: 'absent' }
  | { readonly state: 'dead'; readonly text: string }
  | { readonly state: 'alive'; readonly file: PidFile }

/** An empty file is being written, unless it has been empty for this long: then its writer died. */
const EMPTY_FOR_MS = 3_000

export function pidFilePath(dataDir: string): string {
  return join(dataDir, 'postmaster.pid')
}

export function parsePidFile(text: string): PidFile | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3] ?? 0), socketDir: lines[4] ?? '', status: lines[7] ?? '' }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export async function readPidFile(dataDir: string): Promise<PidFile | undefined> {
  const text = await readIfThere(pidFilePath(dataDir))
  return text === undefined ? undefined : parsePidFile(text)
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/**
 * Is `pid` the server of `dataDir`? A pid is used again by other programs, and a killed server stays a zombie until
 * somebody reaps it (PID 1 of a container may take seconds, or never do it). A server's working directory is its
 * data directory, which nothing else has a reason to be in. Without /proc, a pid that answers is believed.
 */
export async function isServerOf(dataDir: string, pid: number): Promise<boolean> {
  if (!answersSignals(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    const [cwd, data] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(dataDir)])
    return cwd.dev === data.dev && cwd.ino === data.ino
  } catch (error) {
    // It ended, or is a zombie, which has no working directory; or it is another account's process, and the server
    // of a directory is its owner's.
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return false
    throw error
  }
}

/** Looks for the server of a data directory. */
export async function findServer(dataDir: string): Promise<Found> {
  const path = pidFilePath(dataDir)
  const text = await readIfThere(path)
  if (text === undefined) return { state: 'absent' }
  const file = parsePidFile(text)
  if (file) return (await isServerOf(dataDir, file.pid)) ? { state: 'alive', file } : { state: 'dead', text }
  const stats = await statIfThere(path)
  if (stats && Date.now() - stats.mtimeMs > EMPTY_FOR_MS) await rm(path, { force: true })
  return { state: 'absent' }
}

/**
 * Makes PostgreSQL see that a `postmaster.pid` is stale, though its pid is in use again or is a zombie. PostgreSQL
 * takes a file that names its own parent process, us, for stale. The file is not removed: the rest of it lets
 * PostgreSQL find server processes that outlived their postmaster, and refuse to start beside them.
 */
export async function disownStale(dataDir: string, staleText: string): Promise<void> {
  const path = pidFilePath(dataDir)
  if ((await readIfThere(path)) !== staleText) return
  const [firstLine = ''] = staleText.split('\n', 1)
  const own = String(process.pid)
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    await file.truncate(0)
    await file.write(own + staleText.slice(firstLine.length), 0)
  } finally {
    await file.close()
  }
}
