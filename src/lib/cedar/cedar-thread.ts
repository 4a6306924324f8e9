import { Worker } from 'node:worker_threads'
import type { Answer, Question } from './questions.ts'

/** Asks cedar-wasm in a thread that is thrown away when it crashes or takes too long. */
export type CedarThread = {
  /** One JSON text per question (per text for `parse`). Questions wait for each other. */
  ask(question: Question): Promise<ThreadAnswer>
  /** Ends the thread; later questions are answered `cedar.closed`. */
  close(): Promise<void>
}

export type ThreadAnswer =
  | { readonly ok: true; readonly value: readonly string[] }
  | { readonly ok: false; readonly error: ThreadProblem }

/** `cedar.crashed`: the parser broke on this input; `cedar.timeout`: it took too long; `cedar.closed`: it was closed. */
export type ThreadProblem = {
  readonly reason: 'cedar.crashed' | 'cedar.timeout' | 'cedar.closed'
  readonly says: string
}

/** Milliseconds for one question. The largest honest set takes well under a second. */
const PATIENCE_MS = 10_000
/** Milliseconds after which an idle thread ends: it holds some 40 MB, is back in 60 ms, and is asked only when something is written. */
const IDLE_MS = 3000
const MEMORY = { maxOldGenerationSizeMb: 512, stackSizeMb: 16 }

// Sources run as they are; the published build has .js beside it.
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('./cedar-worker.ts', import.meta.url)
  : new URL('./cedar-worker.js', import.meta.url)

export function openCedarThread(
  options: { readonly patienceMs?: number; readonly idleMs?: number } = {},
): CedarThread {
  const patience = options.patienceMs ?? PATIENCE_MS
  let worker: Worker | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed = false
  let idle: NodeJS.Timeout | undefined

  function endWhenIdle(used: Worker): void {
    clearTimeout(idle)
    idle = setTimeout(() => {
      forget(used)
      void used.terminate()
    }, options.idleMs ?? IDLE_MS).unref()
  }

  function forget(ended: Worker): void {
    if (worker === ended) worker = undefined
  }

  async function next(question: Question): Promise<ThreadAnswer> {
    if (closed) return problem('cedar.closed', 'the Cedar parser is closed')
    clearTimeout(idle)
    const used = worker ?? startWorker(forget)
    worker = used
    const answer = await askOnce(used, question, patience)
    if (!answer.ok) {
      // After a trap the wasm instance answers nonsense for good, so the whole thread goes.
      forget(used)
      await used.terminate()
    } else endWhenIdle(used)
    return answer
  }

  return {
    ask(question) {
      const answer = last.then(() => next(question))
      last = answer
      return answer
    },
    async close() {
      closed = true
      await last
      clearTimeout(idle)
      await worker?.terminate()
      worker = undefined
    },
  }
}

function startWorker(onEnd: (worker: Worker) => void): Worker {
  const worker = new Worker(WORKER, { resourceLimits: MEMORY })
  worker.once('exit', () => onEnd(worker))
  // An `error` without a listener ends the process; one that comes late, from a discarded thread, means nothing.
  return worker.on('error', () => undefined)
}

function askOnce(worker: Worker, question: Question, patience: number): Promise<ThreadAnswer> {
  const { promise, resolve } = Promise.withResolvers<ThreadAnswer>()
  const onMessage = (answer: Answer): void => resolve(fromAnswer(answer))
  const onError = (error: unknown): void =>
    resolve(crashed(error instanceof Error ? error.message : 'unknown'))
  const onExit = (): void => resolve(crashed('the thread ended'))
  const timer = setTimeout(
    () => resolve(problem('cedar.timeout', `the Cedar parser took longer than ${patience} ms`)),
    patience,
  )
  worker.on('message', onMessage).on('error', onError).on('exit', onExit)
  worker.ref()
  worker.postMessage(question)
  return promise.finally(() => {
    clearTimeout(timer)
    worker.off('message', onMessage).off('error', onError).off('exit', onExit)
    // An idle thread must not keep the process alive.
    worker.unref()
  })
}

function fromAnswer(answer: Answer): ThreadAnswer {
  return 'texts' in answer ? { ok: true, value: answer.texts } : crashed(answer.crashed)
}

function crashed(says: string): ThreadAnswer {
  return problem('cedar.crashed', `the Cedar parser crashed: ${says}`)
}

function problem(reason: ThreadProblem['reason'], says: string): ThreadAnswer {
  return { ok: false, error: { reason, says } }
}
