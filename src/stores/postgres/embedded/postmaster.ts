import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../../../core/refusal.ts'
import { type Account, runAs } from './account.ts'
import { SERVER_ENVIRONMENT } from './cluster.ts'
import { errorCode } from './folders.ts'
import { isServerOf, readPidFile } from './postmaster-pid.ts'

const LOG_LIMIT_BYTES = 8 * 1024 * 1024
const POLL_MS = 15

/** What became of a start: serving, or ended with the last lines of its log. */
export type Launch =
  | { readonly state: 'ready'; readonly pid: number }
  | { readonly state: 'ended'; readonly log: string }

export type LaunchOrder = {
  readonly program: string
  readonly args: readonly string[]
  readonly dataDir: string
  readonly account: Account
  readonly patienceMs: number
  readonly signal: AbortSignal | undefined
}

async function openLog(dataDir: string, account: Account): Promise<FileHandle> {
  const path = join(dataDir, 'server.log')
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW
  const log = await open(path, flags, 0o600)
  if ((await log.stat()).size <= LOG_LIMIT_BYTES) {
    await log.chown(account.uid, account.gid)
    return log
  }
  await log.close()
  await rename(path, `${path}.1`)
  return openLog(dataDir, account)
}

async function readLogFrom(log: FileHandle, offset: number): Promise<string> {
  const { size } = await log.stat()
  const start = Math.max(offset, size - 4_000)
  const { buffer, bytesRead } = await log.read(
    Buffer.alloc(Math.max(0, size - start)),
    0,
    size - start,
    start,
  )
  return buffer.subarray(0, bytesRead).toString('utf8').trim()
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Waits until the child writes `ready` to its pid file, or ends. */
async function untilReady(child: ChildProcess, order: LaunchOrder): Promise<boolean> {
  const deadline = performance.now() + order.patienceMs
  while (!hasEnded(child)) {
    const file = await readPidFile(order.dataDir)
    if (file && file.pid === child.pid && file.status === 'ready') return true
    if (performance.now() > deadline || order.signal?.aborted) {
      child.kill('SIGQUIT')
      order.signal?.throwIfAborted()
      const seconds = Math.round(order.patienceMs / 1000)
      throw new Unavailable(
        'store.embedded_slow',
        `PostgreSQL was not ready after ${seconds} s; see ${order.dataDir}/server.log`,
      )
    }
    await sleep(POLL_MS)
  }
  return false
}

/**
 * Starts the server. It gets a session of its own, so that Ctrl-C in a terminal reaches us alone and we stop it in
 * order; it writes to a file, since a pipe would break when we are killed and it lives on.
 */
export async function launchServer(order: LaunchOrder): Promise<Launch> {
  const log = await openLog(order.dataDir, order.account)
  try {
    const offset = (await log.stat()).size
    const child = spawn(order.program, order.args, {
      ...runAs(order.account),
      cwd: '/',
      detached: true,
      env: SERVER_ENVIRONMENT,
      stdio: ['ignore', log.fd, log.fd],
    })
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    const ready = await Promise.race([untilReady(child, order), failed])
    child.unref()
    if (ready && child.pid !== undefined) return { state: 'ready', pid: child.pid }
    return { state: 'ended', log: await readLogFrom(log, offset) }
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT' && errorCode(cause) !== 'EACCES') throw cause
    throw new Unavailable('store.embedded_program', `${order.program} can't be run on this machine`, {
      cause,
    })
  } finally {
    await log.close()
  }
}

function signalServer(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

async function hasGone(dataDir: string, pid: number, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    if (!(await isServerOf(dataDir, pid))) return true
    await sleep(POLL_MS)
  }
  return false
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/**
 * Stops the server `pid` of `dataDir`: at once but cleanly (SIGINT, sessions are ended), and without waiting for
 * anything (SIGQUIT, the next start recovers from the log) if that takes more than 15 s.
 *
 * Throws `Unavailable` `store.embedded_stop` if it is still there then.
 */
export async function stopServer(dataDir: string, pid: number): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    if (!(await isThere(dataDir)) || !(await isServerOf(dataDir, pid))) return
    signalServer(pid, signal)
    if (await hasGone(dataDir, pid, patienceMs)) return
  }
  throw new Unavailable('store.embedded_stop', `the server of ${dataDir} (pid ${pid}) doesn't end`)
}
