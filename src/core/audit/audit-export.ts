import { z } from 'zod'
import { isName } from '../ids.ts'
import { isTreeSize, treeHash } from './merkle-log.ts'
import { MAX_PROOF_HASHES } from './merkle-proof.ts'
import { MAX_NOTE_CHARS } from './signed-note.ts'

/** The first words of every export; another format has another number. */
export const EXPORT_FORMAT = 'countersign-audit/1'

const count = z.number().refine(isTreeSize)
const treeHashes = z.array(z.string().transform(asHash)).max(MAX_PROOF_HASHES)
const opening = z.strictObject({ salt: z.string(), value: z.string() })

const header = z.strictObject({
  format: z.literal(EXPORT_FORMAT),
  tenant: z.string().refine(isName),
  origin: z.string().min(1),
  from: count,
  to: count,
  treeSize: count,
  selected: z.literal(true).exactOptional(),
})
const event = z.strictObject({
  index: count,
  leaf: z.string(),
  openings: z.record(z.string(), opening).exactOptional(),
  proof: treeHashes.exactOptional(),
})
const end = z.strictObject({
  checkpoint: z.string().max(MAX_NOTE_CHARS),
  consistency: z.strictObject({ size: count, proof: treeHashes }).exactOptional(),
})

/**
 * First line: the events `from` ≤ index < `to` of a log of `treeSize`. With `selected`, only some of them (a filter), so nothing is shown
 * about those left out.
 */
export type ExportHeader = z.infer<typeof header>
/**
 * A line per event. `leaf` is the exact text that was hashed; `openings` by field name; `proof` the inclusion proof in `treeSize`, required
 * unless the export is the whole log, and then it lets a verifier name the event that was altered.
 */
export type ExportEvent = z.infer<typeof event>
/** Last line: the signed checkpoint of `treeSize`, and for parts of a log a proof that it continues an earlier one of `size`. */
export type ExportEnd = z.infer<typeof end>

export type ExportLine =
  | { readonly kind: 'header'; readonly header: ExportHeader }
  | { readonly kind: 'event'; readonly event: ExportEvent }
  | { readonly kind: 'end'; readonly end: ExportEnd }

/** A line of an export, without its newline. Keys are in the one order that `readExportLine` accepts. */
export function exportHeaderLine(value: ExportHeader): string {
  return JSON.stringify(header.parse(value))
}
export function exportEventLine(value: ExportEvent): string {
  return JSON.stringify(event.parse(value))
}
export function exportEndLine(value: ExportEnd): string {
  return JSON.stringify(end.parse(value))
}

/** True when the export claims to be the whole log, so its root can be computed from its events alone. */
export function isWholeLog(value: ExportHeader): boolean {
  return value.from === 0 && value.to === value.treeSize && value.selected === undefined
}

/**
 * `undefined` unless the line is exactly as it would be written: so there is no second key, other spelling or unknown field in which
 * another reader could see something else than what was verified.
 */
export function readExportLine(line: string): ExportLine | undefined {
  const value = readJson(line)
  const read = readAs(value)
  return read && JSON.stringify(contentOf(read)) === line ? read : undefined
}

function contentOf(line: ExportLine): unknown {
  if (line.kind === 'event') return line.event
  return line.kind === 'header' ? line.header : line.end
}

/** By the key that only this kind has: a parse that fails costs more than one that fits. */
function readAs(value: unknown): ExportLine | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('leaf' in value) return found(event.safeParse(value), (data) => ({ kind: 'event', event: data }))
  if ('checkpoint' in value) return found(end.safeParse(value), (data) => ({ kind: 'end', end: data }))
  return found(header.safeParse(value), (data) => ({ kind: 'header', header: data }))
}

function found<T>(read: z.ZodSafeParseResult<T>, line: (data: T) => ExportLine): ExportLine | undefined {
  return read.success ? line(read.data) : undefined
}

function asHash(text: string, context: z.core.$RefinementCtx<string>) {
  const hash = treeHash(text)
  if (hash !== undefined) return hash
  context.issues.push({ code: 'custom', message: 'not a tree hash', input: text })
  return z.NEVER
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
