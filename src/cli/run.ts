import { AdminRefused, AdminUnreachable } from '../sdk/admin-client.ts'
import type { ConfigurationProblem } from '../sdk/admin-contract.ts'
import { type Io, type Paint, paintOf } from './io.ts'
import { renderFindings, renderProblems } from './render/problems.ts'

/** What a command did: the facts for `--json`, the same as lines for people, and its exit code (0 when absent). */
export type Done = {
  readonly facts: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
  readonly code?: 0 | 1
  /** What it had to say is on standard output already. */
  readonly silent?: true
}

/** A no of the command line itself, with its stable reason. */
export class CliRefused extends Error {
  readonly reason: string
  constructor(reason: string, says: string) {
    super(says)
    this.reason = reason
  }
}

/** A folder that can't be used, with every problem and its place. */
export class FolderRefused extends CliRefused {
  readonly problems: readonly ConfigurationProblem[]
  constructor(problems: readonly ConfigurationProblem[]) {
    super('configuration.refused', 'The configuration can not be used.')
    this.problems = problems
  }
}

/** Called in a way that can't be meant: exit code 2. */
export class WrongUse extends Error {}

/** Runs one command and prints what it did or why not. Answers the exit code: 0 done, 1 refused or failed, 2 wrong use. */
export async function run(
  io: Io,
  json: boolean,
  doing: string,
  work: (paint: Paint) => Promise<Done>,
): Promise<number> {
  const paint = paintOf(json ? { ...io, colours: false } : io)
  const stop = tellProgress((seconds) => io.err(paint.dim(`${doing}, ${seconds} s so far`)))
  try {
    const { facts, lines, code = 0, silent } = await work(paint)
    if (silent) return code
    if (json) io.out(JSON.stringify({ ok: code === 0, ...facts }))
    else if (lines.length > 0) io.out(lines.join('\n'))
    return code
  } catch (error) {
    return failed(io, json, paint, error)
  } finally {
    stop()
  }
}

/** Tells after 1, 2, 4, 8 … seconds that work goes on. Returns a function that stops it. */
function tellProgress(tell: (seconds: number) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const next = (seconds: number, inMs: number) => {
    timer = setTimeout(() => {
      tell(seconds)
      next(seconds * 2, seconds * 1000)
    }, inMs)
  }
  next(1, 1000)
  return () => clearTimeout(timer)
}

function failed(io: Io, json: boolean, paint: Paint, error: unknown): number {
  const { lines, ...told } = factsOf(error)
  if (json) io.out(JSON.stringify({ ok: false, ...told }))
  else io.err(lines(paint).join('\n'))
  return error instanceof WrongUse ? 2 : 1
}

type Failure = Readonly<Record<string, unknown>> & {
  readonly reason: string
  readonly says: string
  readonly lines: (paint: Paint) => readonly string[]
}

function factsOf(error: unknown): Failure {
  if (error instanceof AdminRefused) return refusedFacts(error)
  if (error instanceof AdminUnreachable) {
    const hint = 'Is `countersign serve` running here? Name its socket with --socket or COUNTERSIGN_SOCKET.'
    return told('cli.unreachable', error.message, [hint], { code: error.code })
  }
  if (error instanceof FolderRefused) return folderFacts(error)
  if (error instanceof CliRefused) return told(error.reason, error.message)
  if (error instanceof WrongUse) return told('cli.usage', error.message)
  if (error instanceof TypeError && error.message.includes('https'))
    return told('cli.insecure', error.message)
  return namedFault(error) ?? unexpected(error)
}

function told(
  reason: string,
  says: string,
  more: readonly string[] = [],
  facts: Readonly<Record<string, unknown>> = {},
): Failure {
  return { reason, says, ...facts, lines: (paint) => [`${paint.red(says)}  ${paint.dim(reason)}`, ...more] }
}

/** A start that was refused says which keys of the configuration are wrong, a line each. */
function namedFault(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !('reason' in error) || typeof error.reason !== 'string') return undefined
  const { reason } = error
  const lines = 'lines' in error && Array.isArray(error.lines) ? error.lines.map(String) : [error.message]
  return {
    reason,
    says: error.message,
    lines: (paint) => [...lines.map((line) => paint.red(line)), paint.dim(reason)],
  }
}

/** What the system said no to says so by itself; a mistake of ours comes with where it was made. */
function unexpected(error: unknown): Failure {
  if (!(error instanceof Error)) return told('cli.failed', String(error))
  const stack = 'code' in error ? [] : [error.stack ?? '']
  return told('cli.failed', error.message, stack)
}

function folderFacts({ reason, message, problems }: FolderRefused): Failure {
  return { reason, says: message, problems, lines: (paint) => renderProblems(problems, paint) }
}

function refusedFacts({ reason, message, status, problems, findings }: AdminRefused): Failure {
  if (problems.length === 0 && findings.length === 0) return told(reason, message, [], { status })
  return {
    reason,
    says: message,
    status,
    problems,
    findings,
    lines: (paint) => [
      ...renderProblems(problems, paint),
      ...renderFindings(findings, paint),
      'Nothing was changed.',
    ],
  }
}
