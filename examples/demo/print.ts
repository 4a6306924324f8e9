import colors from 'picocolors'
import type { Step } from './story.ts'

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

function stepLines(step: Step): string {
  const head = `  ${MARKS[step.got] ?? '!'} ${step.got.padEnd(8)}`
  const wrong = step.ok ? '' : `  expected: ${step.expect}`
  const detail = `             ${colors.dim(wrap(`${step.reason === 'allowed' ? '' : `${step.reason}: `}${step.detail}`, 96, '             '))}`
  return `${paint(step)(head)} ${wrap(step.name, 88, '             ')}  ${colors.dim(`${step.ms} ms`)}${colors.red(wrong)}\n${detail}`
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
