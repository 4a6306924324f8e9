import { AdminRefused, AdminUnreachable } from '../sdk/admin-client.ts'
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

/** Called in a way that can't be meant: exit code 2. */
export class WrongUse extends Error {}

const PROGRESS_MS = 1000

/** Runs one command and prints what it did or why not. Answers the exit code: 0 done, 1 refused or failed, 2 wrong use. */
export async function run(
  io: Io,
  json: boolean,
  doing: string,
  work: (paint: Paint) => Promise<Done>,
): Promise<number> {
  const paint = paintOf(json ? { ...io, colours: false } : io)
  const began = io.now()
  const progress = setInterval(
    () => io.err(paint.dim(`${doing}, ${Math.round((io.now() - began) / 1000)} s so far`)),
    PROGRESS_MS,
  )
  try {
    const { facts, lines, code = 0, silent } = await work(paint)
    if (silent) return code
    if (json) io.out(JSON.stringify({ ok: code === 0, ...facts }))
    else if (lines.length > 0) io.out(lines.join('\n'))
    return code
  } catch (error) {
    return failed(io, json, paint, error)
  } finally {
    clearInterval(progress)
  }
}

function failed(io: Io, json: boolean, paint: Paint, error: unknown): number {
  const facts = factsOf(error)
  if (!facts) throw error
  const { lines, ...told } = facts
  if (json) io.out(JSON.stringify({ ok: false, ...told }))
  else io.err(lines(paint).join('\n'))
  return error instanceof WrongUse ? 2 : 1
}

type Failure = Readonly<Record<string, unknown>> & {
  readonly reason: string
  readonly says: string
  readonly lines: (paint: Paint) => readonly string[]
}

function factsOf(error: unknown): Failure | undefined {
  if (error instanceof AdminRefused) return refusedFacts(error)
  if (error instanceof AdminUnreachable) {
    const hint = 'Is `countersign serve` running here? Name its socket with --socket or COUNTERSIGN_SOCKET.'
    return told('cli.unreachable', error.message, [hint], { code: error.code })
  }
  if (error instanceof CliRefused) return told(error.reason, error.message)
  if (error instanceof WrongUse) return told('cli.usage', error.message)
  if (error instanceof TypeError && error.message.includes('https'))
    return told('cli.insecure', error.message)
  return namedFault(error)
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
