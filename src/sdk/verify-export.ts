import { createReadStream } from 'node:fs'
import { checkExportLine, startExportCheck } from '../core/audit/export-check.ts'
import type { ExportReport } from '../core/audit/export-verdict.ts'
import { finishExportCheck } from '../core/audit/export-verdict.ts'
import type { NoteKey } from '../core/audit/signed-note.ts'
import { parseNoteKey } from '../core/audit/signed-note.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import { ok } from '../core/result.ts'

/**
 * `logKey`: the log's public key as it was pinned (`name+id+key`), or several while keys change. `earlierCheckpoint`: a signed checkpoint
 * saved before, which the log must continue. `origin`: the log that is expected.
 */
export type VerifyOptions = {
  readonly logKey: string | readonly string[]
  readonly earlierCheckpoint?: string
  readonly origin?: string
}

const MAX_LINE_BYTES = 1_048_576
const NEWLINE = 0x0a
/** Stands for a line that is too long or not UTF-8; no export has it, so the check refuses it by its number. */
const UNREADABLE = '\ufffd'

/**
 * Verifies an audit export offline, line by line, in memory that does not grow with it: signature, every event's place in the log, every
 * opening, and the continuation of an earlier checkpoint. Refusals as `finishExportCheck` lists them, and `audit.note_key_malformed`.
 */
export async function verifyExport(
  lines: Iterable<string> | AsyncIterable<string>,
  options: VerifyOptions,
): Promise<Result<ExportReport, Refusal>> {
  const keys = readKeys([options.logKey].flat())
  if (!keys.ok) return keys
  const { logKey: _, ...rest } = options
  let check = startExportCheck({ ...rest, keys: keys.value })
  for await (const line of lines) {
    check = checkExportLine(check, line)
    if (check.failed) break
  }
  return finishExportCheck(check)
}

/** The same for a file. Throws what reading it throws. */
export function verifyExportFile(
  path: string,
  options: VerifyOptions,
): Promise<Result<ExportReport, Refusal>> {
  return verifyExport(readLines(createReadStream(path)), options)
}

/** Splits bytes into lines of UTF-8, each of at most 1 MiB. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    let from = 0
    for (let to = rest.indexOf(NEWLINE); to >= 0; to = rest.indexOf(NEWLINE, from)) {
      yield lineText(rest.subarray(from, to))
      from = to + 1
    }
    rest = rest.subarray(from)
    if (rest.length > MAX_LINE_BYTES) return yield UNREADABLE
  }
  if (rest.length > 0) yield lineText(rest)
}

function lineText(bytes: Uint8Array): string {
  if (bytes.length > MAX_LINE_BYTES) return UNREADABLE
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return UNREADABLE
  }
}

function readKeys(texts: readonly string[]): Result<readonly NoteKey[], Refusal> {
  const keys: NoteKey[] = []
  for (const text of texts) {
    const key = parseNoteKey(text.trim())
    if (!key.ok) return key
    keys.push(key.value)
  }
  return ok(keys)
}
