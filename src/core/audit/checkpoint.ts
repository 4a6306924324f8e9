import type { Refusal } from '../refusal.ts'
import { Bug, refuse } from '../refusal.ts'
import type { Result } from '../result.ts'
import { err, ok } from '../result.ts'
import type { TreeHash } from './merkle-log.ts'
import { EMPTY_ROOT, isTreeSize, treeHash } from './merkle-log.ts'
import type { NoteKey, NoteSigner } from './signed-note.ts'
import { openNote, signNote } from './signed-note.ts'

/** The head of one log at one size (C2SP tlog-checkpoint). `origin` names the log: a URL without scheme, one per tenant. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: TreeHash }
export type OpenedCheckpoint = Checkpoint & { readonly signedBy: readonly string[] }

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/

/** The text that is signed: origin, size and root, a line each. An origin that isn't one non-empty line is a Bug. */
export function checkpointText(checkpoint: Checkpoint): string {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root}\n`
  const read = parseCheckpoint(text)
  if (!read.ok || read.value.origin !== checkpoint.origin)
    throw new Bug('a checkpoint can not be written as text')
  return text
}

/** Reads a checkpoint's text; trust it only out of an opened note. Refuses `audit.checkpoint_malformed`. */
export function parseCheckpoint(text: string): Result<Checkpoint, Refusal> {
  // Extension lines are allowed to be there and mean nothing to us; logs can't be checked for them.
  const [origin, sizeText, rootText, ...more] = text.split('\n')
  const size = SIZE.test(sizeText ?? '') ? Number(sizeText) : Number.NaN
  const root = treeHash(rootText ?? '')
  const ended = more.pop() === '' && more.every((line) => line !== '')
  if (!origin || !isTreeSize(size) || !root || !ended || (size === 0 && root !== EMPTY_ROOT)) {
    return err(
      refuse('malformed', 'audit.checkpoint_malformed', 'This is not a checkpoint: origin, size, root.'),
    )
  }
  return ok({ origin, size, root })
}

/** A signed checkpoint. The caller sees to it that a log never signs two that don't continue one another. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signNote(checkpointText(checkpoint), signer)
}

/** A checkpoint that a known key signed for this log; refuses as `openNote`, and `audit.checkpoint_of_another_log`. */
export function openCheckpoint(
  note: string,
  keys: readonly NoteKey[],
  origin: string,
): Result<OpenedCheckpoint, Refusal> {
  const opened = openNote(note, keys)
  if (!opened.ok) return opened
  const read = parseCheckpoint(opened.value.text)
  if (!read.ok) return read
  if (read.value.origin !== origin) return anotherLog(read.value.origin, origin)
  return ok({ ...read.value, signedBy: opened.value.signedBy })
}

function anotherLog(found: string, wanted: string): Result<never, Refusal> {
  const says = `The checkpoint is of the log ${found}, not of ${wanted}.`
  return err(refuse('denied', 'audit.checkpoint_of_another_log', says, { found, wanted }))
}
