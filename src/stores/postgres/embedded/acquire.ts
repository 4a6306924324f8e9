import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../../../core/refusal.ts'
import { writeAccess } from './cluster.ts'
import { errorCode } from './folders.ts'
import type { Plan } from './plan.ts'
import { launchServer, stopServer } from './postmaster.ts'
import { disownStale, findServer, type PidFile } from './postmaster-pid.ts'
import { LAUNCH_SETTING } from './settings.ts'
import { findFreePort } from './sockets.ts'
import { type Supervision, supervise } from './supervision.ts'

/** A server that we supervise. */
export type Acquired = {
  readonly supervision: Supervision
  readonly file: PidFile
  readonly takenOver: boolean
}

/** What one look came to: we have it, we launched one (look again), or something moved meanwhile (look again). */
type Step =
  | { readonly step: 'acquired'; readonly supervision: Supervision; readonly file: PidFile }
  | { readonly step: 'launched'; readonly pid: number }
  | { readonly step: 'again' }

const AGAIN: Step = { step: 'again' }
const PAUSE_MS = 50

function inUse(dataDir: string, pid: number): Unavailable {
  const says = `${dataDir} is in use by another running Countersign (its PostgreSQL has pid ${pid}); stop that one, or choose another data directory`
  return new Unavailable('store.embedded_in_use', says)
}

/** It went away between our look and our call, or it does not let us in. */
async function judgeUnreachable(plan: Plan, file: PidFile, cause: unknown): Promise<Step> {
  await sleep(PAUSE_MS)
  const now = await findServer(plan.dataDir)
  if (now.state !== 'alive' || now.file.pid !== file.pid || now.file.status !== 'ready') return AGAIN
  if (errorCode(cause) === '57P03') return AGAIN // cannot_connect_now: it starts up or shuts down
  const says = `PostgreSQL with pid ${file.pid} serves ${plan.dataDir} and doesn't let us in; stop it, or start as the account that started it`
  throw new Unavailable('store.embedded_unreachable', says, { cause })
}

/** A server is running: we become its supervisor, or stop it if it was started otherwise than is asked now. */
async function attach(plan: Plan, file: PidFile): Promise<Step> {
  if (file.status !== 'ready') {
    await sleep(PAUSE_MS)
    return AGAIN
  }
  const attempt = await supervise(file.socketDir, file.port)
  if (attempt.state === 'held') throw inUse(plan.dataDir, file.pid)
  if (attempt.state === 'unreachable') return judgeUnreachable(plan, file, attempt.cause)
  const { supervision } = attempt
  if (supervision.launch === plan.launch) return { step: 'acquired', supervision, file }
  // The lock is held until the server is gone, so that nobody attaches to what is being stopped.
  await stopServer(plan.dataDir, file.pid)
  await supervision.session.end().catch(() => {})
  return AGAIN
}

/** The reason of a start that failed, from the server's own words. */
async function judgeFailure(plan: Plan, port: number, log: string): Promise<Step> {
  const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(log)
  if (portTaken && plan.options.tcp?.port !== undefined) {
    throw new Unavailable('store.embedded_port', `port ${port} of 127.0.0.1 is taken by another program`)
  }
  if (portTaken || /lock file ".*" already exists|lock file ".*" is empty|still in use/.test(log)) {
    await sleep(PAUSE_MS)
    return AGAIN
  }
  const lines = log.split('\n').slice(-4).join(' | ')
  throw new Unavailable('store.embedded_failed', `PostgreSQL did not start: ${lines}`)
}

async function launch(plan: Plan, patienceMs: number): Promise<Step> {
  const { binaries, dataDir, server, options } = plan
  await writeAccess(dataDir, plan, options.tcp !== undefined)
  const port = options.tcp ? (options.tcp.port ?? (await findFreePort())) : 5432
  const outcome = await launchServer({
    program: binaries.postgres,
    args: [...plan.args, '-c', `port=${port}`, '-c', `${LAUNCH_SETTING}=${plan.launch}`],
    dataDir,
    account: server,
    patienceMs,
    signal: options.signal,
  })
  if (outcome.state === 'ready') return { step: 'launched', pid: outcome.pid }
  return judgeFailure(plan, port, outcome.log)
}

async function look(plan: Plan, patienceMs: number): Promise<Step> {
  const found = await findServer(plan.dataDir)
  if (found.state === 'alive') return attach(plan, found.file)
  if (found.state === 'dead') await disownStale(plan.dataDir, found.text)
  return launch(plan, patienceMs)
}

function isInUse(error: unknown): boolean {
  return error instanceof Unavailable && error.reason === 'store.embedded_in_use'
}

/**
 * Looks at the data directory until we supervise a server of it: one that runs already, or one that we start. Two
 * processes that do this at once end with one supervisor; the other one gets `store.embedded_in_use`. A server that
 * we launched and can't supervise is stopped, unless another process supervises it by now.
 */
export async function acquireServer(plan: Plan): Promise<Acquired> {
  const patienceMs = plan.options.patienceMs ?? 60_000
  const deadline = performance.now() + patienceMs
  let launched: number | undefined
  try {
    while (performance.now() < deadline) {
      plan.options.signal?.throwIfAborted()
      const step = await look(plan, patienceMs)
      if (step.step === 'launched') launched = step.pid
      if (step.step === 'acquired') {
        const { supervision, file } = step
        return { supervision, file, takenOver: file.pid !== launched }
      }
    }
    const says = `no PostgreSQL was ready in ${plan.dataDir} after ${Math.round(patienceMs / 1000)} s; see server.log there`
    throw new Unavailable('store.embedded_slow', says)
  } catch (error) {
    if (launched !== undefined && !isInUse(error)) await stopServer(plan.dataDir, launched)
    throw error
  }
}
