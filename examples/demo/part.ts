import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Failure } from '../parts/commands.ts'

/** An order that a part could not carry out: what it was told, as it was told. */
export class PartRefused extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.says)
    this.failure = failure
  }
}

/** A process of the demo: a real program, started with its arguments, that said it is ready. */
export type Part = {
  readonly name: string
  readonly pid: number
  /** What it said when it was ready. */
  readonly facts: Readonly<Record<string, unknown>>
  readonly ask: (what: string, args?: Readonly<Record<string, unknown>>) => Promise<unknown>
  readonly stop: () => Promise<void>
  readonly kill: () => void
}

type Reply = { readonly id: number; readonly ok: boolean; readonly value?: unknown; readonly error?: Failure }
type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }

const READY_WITHIN_MS = 30_000

/** Starts `node <script> <args>` and waits for its ready line. What it says on stderr goes to `log`. */
export async function startPart(
  name: string,
  script: string,
  args: readonly string[],
  log: (line: string) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<Part> {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
  })
  const waiting = new Map<number, Waiting>()
  let lastWords = ''
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastWords = line
    log(`${name}: ${line}`)
  })
  const facts = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`${name} was not ready in time: ${lastWords}`)),
      READY_WITHIN_MS,
    )
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with ${code} before it was ready: ${lastWords}`)),
    )
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return log(`${name}: ${line}`)
      const message = JSON.parse(line) as Record<string, unknown> & { ready?: boolean; says?: string }
      if (message.ready === undefined && message.says) lastWords = message.says
      if (message.ready) {
        clearTimeout(late)
        resolve(message)
      } else settle(waiting, message as unknown as Reply)
    })
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended`))
    waiting.clear()
  })
  return {
    name,
    pid: child.pid ?? 0,
    facts,
    ask: asker(child, waiting),
    stop: () => stop(child),
    kill: () => void child.kill('SIGKILL'),
  }
}

function settle(waiting: Map<number, Waiting>, reply: Reply): void {
  const found = waiting.get(reply.id)
  waiting.delete(reply.id)
  if (reply.ok) found?.resolve(reply.value)
  else found?.reject(new PartRefused(reply.error ?? { code: 'unknown', says: 'refused' }))
}

function asker(child: ChildProcess, waiting: Map<number, Waiting>): Part['ask'] {
  let last = 0
  return (what, args = {}) =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve, reject })
      child.stdin?.write(`${JSON.stringify({ id, do: what, with: args })}\n`)
    })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.stdin?.end()
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(late)
}
