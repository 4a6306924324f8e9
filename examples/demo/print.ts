import colors from 'picocolors'
import type { Step } from './story.ts'
import type { Seen } from './witness.ts'

export type Printer = {
  readonly title: (text: string) => void
  readonly step: (step: Step) => void
  readonly line: (text: string) => void
  readonly progress: (text: string) => void
}

/** A mark that says the same without colour: `+` allowed, `x` refused, `|` ended. */
const MARKS: Readonly<Record<string, string>> = { allowed: '+', refused: 'x', ended: '|' }

function paint(step: Step): (text: string) => string {
  if (!step.ok) return colors.red
  return step.got === 'allowed' ? colors.green : colors.yellow
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width && line) {
      lines.push(line)
      line = ''
    }
    line = line ? `${line} ${word}` : word
  }
  return [...lines, line].join(`\n${indent}`)
}

const INDENT = ' '.repeat(13)

/** Who, for whom, for what, by which policies and facts: as the audit has it. */
function auditLine(audit: Seen): string {
  const whom = audit.for === undefined ? '' : ` ⟶ for ${audit.for}`
  const by = audit.outcome === 'allow' ? audit.policies.join(' + ') : audit.reason
  return [`${audit.who}${whom}`, audit.what, by, audit.conditions.join(', '), audit.decision]
    .filter(Boolean)
    .join('  ·  ')
}

function stepLines(step: Step): string {
  const head = `  ${MARKS[step.got] ?? '!'} ${step.got.padEnd(8)}`
  const wrong = step.ok ? '' : `  expected: ${step.expect}`
  const said = `${step.reason === 'allowed' ? '' : `${step.reason}: `}${step.detail}`
  const lines = [
    `${paint(step)(head)} ${wrap(step.name, 88, INDENT)}  ${colors.dim(`${step.ms} ms`)}${colors.red(wrong)}`,
  ]
  lines.push(INDENT + wrap(said, 100, INDENT))
  if (step.audit) lines.push(INDENT + colors.dim(wrap(auditLine(step.audit), 110, INDENT)))
  return lines.join('\n')
}

/** Tells the stories to a person; progress goes to stderr, so that stdout reads as one text. */
export function printer(quiet: boolean): Printer {
  const out = (text: string) => {
    if (!quiet) process.stdout.write(`${text}\n`)
  }
  return {
    title: (text) => out(`\n${colors.bold(text)}\n`),
    step: (step) => out(stepLines(step)),
    line: out,
    progress: (text) => void process.stderr.write(`${colors.dim(`… ${text}`)}\n`),
  }
}
