/** The part of a Stryker report that is read (mutation-testing-report-schema 2). */
export type Report = {
  readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[]; readonly source: string }>>
}

export type Mutant = {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: Place; readonly end: Place }
}
type Place = { readonly line: number; readonly column: number }

/** `noticed` counts mutants that made a test fail or run for ever; those that can't run at all say nothing and count nowhere. */
export type Score = { readonly noticed: number; readonly counted: number }

const NOTICED = new Set(['Killed', 'Timeout'])
const UNNOTICED = new Set(['Survived', 'NoCoverage'])

export const isNoticed = ({ status }: Mutant): boolean => NOTICED.has(status)

export function scoreOf(mutants: readonly Mutant[]): Score {
  const noticed = mutants.filter(isNoticed).length
  const unnoticed = mutants.filter(({ status }) => UNNOTICED.has(status)).length
  return { noticed, counted: noticed + unnoticed }
}

export function sum(scores: readonly Score[]): Score {
  return {
    noticed: scores.reduce((total, { noticed }) => total + noticed, 0),
    counted: scores.reduce((total, { counted }) => total + counted, 0),
  }
}

/** Percent; a file without mutants has nothing that could go unnoticed. */
export function percent({ noticed, counted }: Score): number {
  return counted === 0 ? 100 : (noticed / counted) * 100
}

/** Each mutant that no test noticed: where, what stood there, what stood there instead. */
export function unnoticed(report: Report): readonly string[] {
  return Object.entries(report.files).flatMap(([file, { mutants, source }]) =>
    mutants
      .filter(({ status }) => UNNOTICED.has(status))
      .map(({ location, replacement = '', status }) => {
        const { start } = location
        const was = textAt(source, location).replaceAll(/\s+/g, ' ').slice(0, 90)
        const now = replacement.replaceAll(/\s+/g, ' ').slice(0, 90)
        return `${file}:${start.line}:${start.column} ${was} → ${now}${status === 'NoCoverage' ? ' (no test comes here)' : ''}`
      }),
  )
}

/** Lines and columns count from one; the end is not part of it. */
function textAt(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const last = lines.length - 1
  return lines
    .map((line, at) => line.slice(at === 0 ? start.column - 1 : 0, at === last ? end.column - 1 : undefined))
    .join('\n')
}
