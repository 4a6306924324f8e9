import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { writeJson } from '../../examples/demo/folders.ts'
import { ROOT } from '../source-files.ts'

type Facts = Readonly<Record<string, unknown>>

/** `countersign serve --json` as a process of its own. */
export type ServerProcess = {
  readonly pid: number
  /** What a role said when it was ready. Rejects when the process ends before. */
  readonly ready: (role: 'authority' | 'gateway') => Promise<Facts>
  readonly isReady: (role: 'authority' | 'gateway') => boolean
  /** Lines of standard output and of standard error so far. */
  readonly out: readonly string[]
  readonly err: readonly string[]
  /** Faults and worse in its log. */
  readonly faults: () => readonly string[]
  readonly kill: (signal: NodeJS.Signals) => void
  /** How it ended: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

const running = new Set<ChildProcess>()

/** Ends every server that a test left running, and waits for them. */
export async function endServers(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      return gone
    }),
  )
}

/** Starts a server with a configuration that is written to `<folder>/<name>.yaml`. */
export async function startServer(folder: string, name: string, config: object): Promise<ServerProcess> {
  const file = await writeJson(join(folder, `${name}.yaml`), config)
  const child = spawn(
    process.execPath,
    [join(ROOT, 'bin/countersign.mjs'), 'serve', '--config', file, '--json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    },
  )
  running.add(child)
  const [out, err]: [string[], string[]] = [[], []]
  const roles = new Map<string, Facts>()
  const waiting = new Set<() => void>()
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code ?? signal ?? 1)
      for (const look of waiting) look()
    })
  })
  createInterface({ input: child.stderr }).on('line', (line) => err.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => {
    out.push(line)
    const said = JSON.parse(line) as Facts
    if (said['ready'] === true) roles.set(String(said['role']), said)
    for (const look of waiting) look()
  })
  const ready: ServerProcess['ready'] = (role) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const facts = roles.get(role)
        if (facts) resolve(facts)
        else if (!running.has(child))
          reject(new Error(`${name} ended: ${[...out, ...err.slice(-5)].join(' | ')}`))
        else return
        waiting.delete(look)
      }
      waiting.add(look)
      look()
    })
  return {
    pid: child.pid ?? 0,
    ready,
    isReady: (role) => roles.has(role),
    out,
    err,
    faults: () => err.filter((line) => /"level":(50|60)/.test(line)),
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

/** Whether a process runs; one that has ended and that nobody waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** A postmaster and every process that it started: each is a session of its own, so no group names them all. */
export function familyOf(pid: number): readonly number[] {
  const parentOf = (each: string) => {
    try {
      return Number(
        readFileSync(`/proc/${each}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[1],
      )
    } catch {
      return 0
    }
  }
  const children = readdirSync('/proc').filter((each) => /^\d+$/.test(each) && parentOf(each) === pid)
  return [pid, ...children.map(Number)]
}
