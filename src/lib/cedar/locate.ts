import type { WasmError } from './questions.ts'

/** Something wrong with a policy or a schema, placed so that a person finds it. */
export type CedarProblem = {
  /** `policy.syntax`, `policy.invalid`, `policy.id_missing`, `policy.id_duplicate`, `policy.too_deep`, `schema.invalid` … */
  readonly reason: string
  readonly severity: 'error' | 'warning'
  readonly says: string
  /** What to do, such as "did you mean `customer_id`?". */
  readonly help?: string
  /** The `@id` of the policy, where it is known. */
  readonly policy?: string
  readonly file: string
  /** Counted from 1, columns in UTF-16 units. */
  readonly line: number
  readonly column: number
  /** The source line, and under it carets with the help; ready to print. */
  readonly snippet: string
}

/** A text of a file, from `start` (UTF-16 offset) on. */
export type Source = {
  readonly file: string
  readonly whole: string
  readonly start: number
  readonly text: string
}

type Place = { readonly at: number; readonly length: number }
type About = Pick<CedarProblem, 'reason' | 'severity' | 'says'> & {
  readonly help?: string
  readonly policy?: string
}

/** Line and column, both from 1, of a UTF-16 offset. */
export function lineAndColumn(
  whole: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = whole.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

/** One problem of the wasm, with the ones beside it, placed in the file. */
export function fromWasm(
  error: WasmError,
  source: Source,
  about: { readonly reason: string; readonly policy?: string; readonly severity?: 'error' | 'warning' },
): readonly CedarProblem[] {
  const says = error.message
    .replace(/^for policy `[^`]*`, /, '')
    .replace(/^failed to parse (?:policy|template)(?: with id `[^`]*`)? from string: /, '')
  const label = error.sourceLocations?.[0]?.label
  const help = [error.help, label].filter((part) => typeof part === 'string' && part !== '').join('; ')
  const placed = place({
    source,
    where: narrow(where(error, source.text), source.text, says),
    about: {
      reason: about.reason,
      severity: about.severity ?? 'error',
      says,
      ...(help === '' ? {} : { help }),
      ...(about.policy === undefined ? {} : { policy: about.policy }),
    },
  })
  return [placed, ...(error.related ?? []).flatMap((other) => fromWasm(other, source, about))]
}

/** A problem at an offset of `source.text`. */
export function place(found: {
  readonly source: Source
  readonly where: Place
  readonly about: About
}): CedarProblem {
  const { source, where, about } = found
  const offset = source.start + where.at
  const { line, column } = lineAndColumn(source.whole, offset)
  return {
    ...about,
    file: source.file,
    line,
    column,
    snippet: snippet(source.whole, offset, where.length, about.help),
  }
}

function where(error: WasmError, text: string): Place {
  const first = error.sourceLocations?.[0]
  if (first === undefined) return { at: 0, length: 1 }
  const bytes = Buffer.from(text)
  const at = bytes.subarray(0, first.start).toString().length
  return { at, length: Math.max(1, bytes.subarray(first.start, first.end).toString().length) }
}

/** The wasm marks all of `principal.custmer_id`; the eye wants the name that is wrong, which ends it. */
function narrow(found: Place, text: string, says: string): Place {
  const name = /`([^`]+)`/.exec(says)?.[1]
  const marked = text.slice(found.at, found.at + found.length)
  if (name === undefined || !marked.endsWith(name) || marked.length === name.length) return found
  return { at: found.at + found.length - name.length, length: name.length }
}

function snippet(whole: string, offset: number, length: number, help: string | undefined): string {
  const from = whole.lastIndexOf('\n', offset - 1) + 1
  const end = whole.indexOf('\n', from)
  const line = whole.slice(from, end < 0 ? undefined : end).trimEnd()
  const carets = '^'.repeat(Math.max(1, Math.min(length, from + line.length - offset)))
  // Tabs stay tabs, so the carets stand under what they mean.
  const indent = whole.slice(from, offset).replace(/[^\t]/g, ' ')
  return `${line}\n${indent}${carets}${help === undefined ? '' : ` ${help}`}`
}
