import type { Measured } from './load.ts'

/** One figure. Times are in ms; `ratio` is value / baseline, and `target` says what it, or else the value, should come to. */
export type Line = {
  readonly id: string
  readonly value: number
  readonly unit: string
  readonly baseline?: number
  readonly ratio?: number
  readonly target?: string
  readonly p50?: number
  readonly p99?: number
  readonly max?: number
}

/** What a part is run with. */
export type Run = {
  readonly short: boolean
  /** Whether a figure is asked for. */
  readonly wants: (id: string) => boolean
  readonly progress: (line: string) => void
  /** Folder to write a CPU profile of the server under test to. */
  readonly profile?: string
}

/** A part of the bench: it starts what it needs, stops it, and answers its figures. Throws when what it measured was not right. */
export type Part = {
  readonly ids: readonly string[]
  readonly run: (run: Run) => Promise<readonly Line[]>
}

const PER_CPU = 'per CPU-second'

/** Both sides per second of processor time of the process that served. */
export function beside(id: string, ours: Measured, theirs: Measured, target: string): Line {
  return {
    id,
    value: round(ours.perCpuSecond),
    unit: PER_CPU,
    baseline: round(theirs.perCpuSecond),
    ratio: round(ours.perCpuSecond / theirs.perCpuSecond),
    target,
    ...times(ours),
  }
}

function times({ p50, p99, max }: Measured): Pick<Line, 'p50' | 'p99' | 'max'> {
  return { p50: round(p50), p99: round(p99), max: round(max) }
}

export function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}

const COLUMNS = ['id', 'value', 'unit', 'baseline', 'ratio', 'target', 'p50', 'p99', 'max'] as const

/** The figures for programs; what they should come to is said to people only. */
export function list(lines: readonly Line[]): string {
  return JSON.stringify(lines.map(({ target: _target, ...line }) => line))
}

/** The figures as people read them; times in ms. */
export function table(lines: readonly Line[]): string {
  const rows = [COLUMNS, ...lines.map((line) => COLUMNS.map((column) => String(line[column] ?? '')))]
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)))
  const numeric = new Set(['value', 'baseline', 'ratio', 'p50', 'p99', 'max'])
  const cell = (text: string, at: number) => {
    const width = widths[at] ?? 0
    return numeric.has(COLUMNS[at] ?? '') ? text.padStart(width) : text.padEnd(width)
  }
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}
