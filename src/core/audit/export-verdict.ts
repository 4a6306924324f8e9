import type { Refusal } from '../refusal.ts'
import { refuse } from '../refusal.ts'
import type { Result } from '../result.ts'
import { err, ok } from '../result.ts'
import type { ExportEnd, ExportHeader } from './audit-export.ts'
import { isWholeLog } from './audit-export.ts'
import type { Checkpoint, OpenedCheckpoint } from './checkpoint.ts'
import { openCheckpoint } from './checkpoint.ts'
import type { BadEvent, ExportCheck } from './export-check.ts'
import { missing, notInLog } from './export-check.ts'
import { frontierRoot } from './merkle-log.ts'
import { provesConsistency } from './merkle-proof.ts'

/**
 * What was shown. `whole`: all events of the log were there. `complete`: all from `from` to `to` were, so none in between was left out.
 * `continues` is the size of the earlier checkpoint that this log was shown to continue.
 */
export type ExportReport = {
  readonly tenant: string
  readonly origin: string
  readonly from: number
  readonly to: number
  readonly events: number
  readonly openings: number
  readonly treeSize: number
  readonly root: string
  readonly signedBy: readonly string[]
  readonly whole: boolean
  readonly complete: boolean
  readonly continues?: number
}

/**
 * The verdict after the last line. Refuses with the first bad event where there is one: `audit.event_missing`, `audit.event_out_of_order`,
 * `audit.event_not_in_log`, `audit.event_of_another_tenant`, `audit.opening_mismatch`, `audit.proof_missing`, `audit.export_malformed`;
 * else `audit.export_cut`, `audit.root_mismatch`, `audit.checkpoint_of_another_size`, `audit.rolled_back`, `audit.history_rewritten`,
 * `audit.consistency_unproved`, or as `openCheckpoint`.
 */
export function finishExportCheck(check: ExportCheck): Result<ExportReport, Refusal> {
  const { header, end, failed } = check
  if (failed) return err(failed)
  if (!header || !end) return err(check.bad?.refusal ?? cut())
  const opened = openCheckpoint(end.checkpoint, check.trust.keys, header.origin)
  if (!opened.ok) return err(check.bad?.refusal ?? opened.error)
  const checkpoint = opened.value
  const refusal =
    anotherSize(header, checkpoint) ??
    firstBad(check, checkpoint)?.refusal ??
    incomplete(check, header) ??
    wrongRoot(check, header, checkpoint) ??
    notContinued(check, header, end, checkpoint)
  return refusal ? err(refusal) : ok(report(check, header, checkpoint))
}

function anotherSize(header: ExportHeader, checkpoint: Checkpoint): Refusal | undefined {
  if (checkpoint.size === header.treeSize) return undefined
  const says = `The export speaks of ${header.treeSize} events, its signed checkpoint of ${checkpoint.size}.`
  const facts = { size: checkpoint.size, treeSize: header.treeSize }
  return refuse('denied', 'audit.checkpoint_of_another_size', says, facts)
}

/** Of the roots that proofs led to, those that were not signed are of bad events. */
function firstBad(check: ExportCheck, checkpoint: Checkpoint): BadEvent | undefined {
  const roots = [check.firstRoot, check.otherRoot].filter((reached) => reached !== undefined)
  const unsigned = roots
    .filter((reached) => reached.root !== checkpoint.root)
    .map(({ index }) => ({ index, refusal: notInLog(index) }))
  const all = check.bad ? [...unsigned, check.bad] : unsigned
  return all.toSorted((a, b) => a.index - b.index)[0]
}

function incomplete(check: ExportCheck, header: ExportHeader): Refusal | undefined {
  return check.next < header.to && !header.selected ? missing(check.next) : undefined
}

function wrongRoot(check: ExportCheck, header: ExportHeader, checkpoint: Checkpoint): Refusal | undefined {
  if (!isWholeLog(header) || frontierRoot(check.frontier) === checkpoint.root) return undefined
  // Without proofs only this much can be said of where it is: what an earlier checkpoint still covers is not it.
  const good = check.earlier && check.rootAtEarlier === check.earlier.root ? check.earlier.size : 0
  const says = `The events do not give the signed root: one from ${good} on was altered.`
  return refuse('denied', 'audit.root_mismatch', says, { from: good })
}

function notContinued(
  check: ExportCheck,
  header: ExportHeader,
  end: ExportEnd,
  checkpoint: Checkpoint,
): Refusal | undefined {
  const { earlier } = check
  if (!earlier) return undefined
  const facts = { earlier: earlier.size, now: checkpoint.size }
  if (earlier.size > checkpoint.size) {
    const says = `The log had ${earlier.size} events before and has ${checkpoint.size} now.`
    return refuse('denied', 'audit.rolled_back', says, facts)
  }
  if (isWholeLog(header)) return check.rootAtEarlier === earlier.root ? undefined : rewritten(facts)
  if (earlier.size === checkpoint.size) return earlier.root === checkpoint.root ? undefined : rewritten(facts)
  const given = end.consistency
  if (given?.size !== earlier.size) {
    const says = `The export does not show that the log continues the checkpoint of ${earlier.size} events.`
    return refuse('denied', 'audit.consistency_unproved', says, facts)
  }
  return provesConsistency(earlier, checkpoint, given.proof) ? undefined : rewritten(facts)
}

function rewritten(facts: { readonly earlier: number; readonly now: number }): Refusal {
  const says = `The log is not a continuation of the checkpoint of ${facts.earlier} events: its past was rewritten.`
  return refuse('denied', 'audit.history_rewritten', says, facts)
}

function cut(): Refusal {
  return refuse(
    'malformed',
    'audit.export_cut',
    'The export ends before its last line, the signed checkpoint.',
  )
}

function report(check: ExportCheck, header: ExportHeader, checkpoint: OpenedCheckpoint): ExportReport {
  const { tenant, origin, from, to, treeSize } = header
  const { events, openings, earlier } = check
  const { root, signedBy } = checkpoint
  const facts = { tenant, origin, from, to, events, openings, treeSize, root, signedBy }
  const claims = { whole: isWholeLog(header), complete: !header.selected }
  return { ...facts, ...claims, ...(earlier ? { continues: earlier.size } : {}) }
}
