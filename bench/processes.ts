import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** The server under test has a core to itself; PostgreSQL, the parts around it and the load generator share the other one. */
export const SERVER_CORE = '1'
const OTHER_CORE = '0'

const taskset = spawnSync('taskset', ['-c', `${OTHER_CORE},${SERVER_CORE}`, 'true']).status === 0

/** Whether processes can be held to a core here (`taskset`, and at least two cores). */
export const pinned = taskset

/** Moves this process, and what it starts from now on, to the core of everything but the server under test. */
export function leaveServerCore(): void {
  if (pinned) spawnSync('taskset', ['-acp', OTHER_CORE, String(process.pid)])
}

/** A process of the bench that said it is ready. */
export type Started = {
  readonly pid: number
  /** What it said when it was ready. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Milliseconds from its spawn to that line. */
  readonly ms: number
  readonly stop: () => Promise<void>
}

export type StartOptions = {
  /** On the core of the server under test. */
  readonly measured?: boolean
  readonly nodeArgs?: readonly string[]
  readonly readyWithinMs?: number
}

const children = new Set<ChildProcess>()

/** Ends every process that still runs: on a signal, or when this process ends by a fault. */
export function endAll(): void {
  for (const child of children) child.kill('SIGTERM')
}
process.on('exit', endAll)

const READY_WITHIN_MS = 60_000

/** Starts `node <script> <args>` and waits for its ready line. Its stderr goes to ours. */
export async function startProcess(
  script: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Started> {
  const node = [process.execPath, ...(options.nodeArgs ?? []), script, ...args]
  const core = options.measured ? SERVER_CORE : OTHER_CORE
  const [command = '', ...rest] = pinned ? ['taskset', '-c', core, ...node] : node
  const began = performance.now()
  const child = spawn(command, rest, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_ENV: 'production', COUNTERSIGN_LOG: 'warn' },
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const facts = await readyLine(child, script, options.readyWithinMs ?? READY_WITHIN_MS).catch(
    (error: unknown) => {
      child.kill('SIGKILL')
      throw error
    },
  )
  return { pid: child.pid ?? 0, facts, ms: performance.now() - began, stop: () => stop(child) }
}

function readyLine(child: ChildProcess, script: string, withinMs: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${script} was not ready in time`)), withinMs)
    child.once('error', reject)
    let last = ''
    child.once('exit', (code) => {
      setImmediate(() => reject(new Error(`${script} ended with ${code} before it was ready: ${last}`)))
    })
    if (!child.stdout) return reject(new Error(`${script} has no output`))
    createInterface({ input: child.stdout }).on('line', (line) => {
      last = line
      if (!line.startsWith('{')) return
      const said = JSON.parse(line) as Record<string, unknown>
      if (said['ready'] !== true) return
      clearTimeout(late)
      resolve(said)
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  child.stdin?.end()
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await ended
  clearTimeout(late)
}

const TICKS_PER_SECOND = 100

/** Seconds of processor time that a process used so far: utime + stime of all its threads. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces; what follows it can't.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
