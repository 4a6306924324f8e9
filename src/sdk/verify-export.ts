import { createReadStream } from 'node:fs'
import { checkExportLine, startExportCheck } from '../core/audit/export-check.ts'
import type { ExportReport } from '../core/audit/export-verdict.ts'
import { finishExportCheck } from '../core/audit/export-verdict.ts'
import type { NoteKey } from '../core/audit/signed-note.ts'
import { parseNoteKey } from '../core/audit/signed-note.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import { ok } from '../core/result.ts'
import { readLines } from './read-lines.ts'

/**
 * `logKey`: the log's public key as it was pinned (`name+id+key`), or several while keys change. `earlierCheckpoint`: a signed checkpoint
 * saved before, which the log must continue. `origin`: the log that is expected.
 */
export type VerifyOptions = {
  readonly logKey: string | readonly string[]
  readonly earlierCheckpoint?: string
  readonly origin?: string
}

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

function readKeys(texts: readonly string[]): Result<readonly NoteKey[], Refusal> {
  const keys: NoteKey[] = []
  for (const text of texts) {
    const key = parseNoteKey(text.trim())
    if (!key.ok) return key
    keys.push(key.value)
  }
  return ok(keys)
}
