import type { Refusal } from '../refusal.ts'
import { refuse } from '../refusal.ts'
import type { ExportEnd, ExportEvent, ExportHeader } from './audit-export.ts'
import { isWholeLog, readExportLine } from './audit-export.ts'
import type { OpenedCheckpoint } from './checkpoint.ts'
import { openCheckpoint } from './checkpoint.ts'
import { opens } from './commitment.ts'
import type { Frontier, TreeHash } from './merkle-log.ts'
import { appendLeaf, EMPTY_FRONTIER, frontierRoot, leafHash } from './merkle-log.ts'
import { rootFromInclusion } from './merkle-proof.ts'
import type { NoteKey } from './signed-note.ts'

/** `keys` are the log's public keys that are believed; `origin` names the log that is expected, if the caller knows. */
export type ExportTrust = {
  readonly keys: readonly NoteKey[]
  readonly earlierCheckpoint?: string
  readonly origin?: string
}

/** A refusal that names an event, by its place in the log. */
export type BadEvent = { readonly index: number; readonly refusal: Refusal }
/** A root that an event's proof leads to, and the first event that leads there. */
type ReachedRoot = { readonly index: number; readonly root: TreeHash }

/**
 * What is known after some lines; its size does not grow with the export. Proofs can be judged only when the last line brings the
 * signed root, so the roots they lead to are kept: the first, and the first that differs.
 */
export type ExportCheck = {
  readonly trust: ExportTrust
  readonly lines: number
  readonly header?: ExportHeader
  readonly earlier?: OpenedCheckpoint
  readonly next: number
  readonly events: number
  readonly openings: number
  readonly frontier: Frontier
  readonly rootAtEarlier?: TreeHash
  readonly firstRoot?: ReachedRoot
  readonly otherRoot?: ReachedRoot
  readonly bad?: BadEvent
  readonly failed?: Refusal
  readonly end?: ExportEnd
}

export function startExportCheck(trust: ExportTrust): ExportCheck {
  return { trust, lines: 0, next: 0, events: 0, openings: 0, frontier: EMPTY_FRONTIER }
}

/**
 * Takes one line. After a bad event the others are passed over: what counts is the first bad one, and an earlier one may still show when
 * the signed root is known.
 */
export function checkExportLine(check: ExportCheck, line: string): ExportCheck {
  const at = { ...check, lines: check.lines + 1 }
  if (check.failed) return check
  const read = readExportLine(line)
  if (!read) return at.header && !at.end ? markBad(at, badLine(at)) : { ...at, failed: malformed(at.lines) }
  if (read.kind === 'header') return takeHeader(at, read.header)
  if (!at.header || at.end) return { ...at, failed: malformed(at.lines) }
  if (read.kind === 'end') return { ...at, end: read.end }
  return at.bad ? at : takeEvent(at, at.header, read.event)
}

function takeHeader(check: ExportCheck, header: ExportHeader): ExportCheck {
  const { keys, earlierCheckpoint, origin } = check.trust
  if (check.lines !== 1 || header.from > header.to || header.to > header.treeSize) {
    return { ...check, failed: malformed(check.lines) }
  }
  if (origin !== undefined && header.origin !== origin)
    return { ...check, failed: anotherLog(header.origin, origin) }
  const started = { ...check, header, next: header.from }
  if (earlierCheckpoint === undefined) return started
  const earlier = openCheckpoint(earlierCheckpoint, keys, header.origin)
  if (!earlier.ok) return { ...check, failed: earlier.error }
  return rememberEarlier({ ...started, earlier: earlier.value })
}

function takeEvent(check: ExportCheck, header: ExportHeader, event: ExportEvent): ExportCheck {
  const refusal = misplaced(check, header, event) ?? notOfTenant(header, event) ?? badOpening(event)
  if (refusal) return markBad(check, refusal)
  const leaf = leafHash(event.leaf)
  const grown = isWholeLog(header) ? growWhole(check, leaf) : check
  const counted = {
    ...grown,
    next: event.index + 1,
    events: check.events + 1,
    openings: check.openings + Object.keys(event.openings ?? {}).length,
  }
  return event.proof ? takeProof(counted, header, event.index, leaf, event.proof) : counted
}

function growWhole(check: ExportCheck, leaf: TreeHash): ExportCheck {
  return rememberEarlier({ ...check, frontier: appendLeaf(check.frontier, leaf).frontier })
}

/** When as many events were read as the earlier checkpoint covers, this is the root it must have had. */
function rememberEarlier(check: ExportCheck): ExportCheck {
  const reached = check.earlier?.size === check.frontier.size
  return reached ? { ...check, rootAtEarlier: frontierRoot(check.frontier) } : check
}

function takeProof(
  check: ExportCheck,
  header: ExportHeader,
  index: number,
  leaf: TreeHash,
  proof: readonly TreeHash[],
): ExportCheck {
  const root = rootFromInclusion(leaf, index, header.treeSize, proof)
  if (root === undefined) return markBad({ ...check, next: index }, notInLog(index))
  if (!check.firstRoot) return { ...check, firstRoot: { index, root } }
  if (check.otherRoot || check.firstRoot.root === root) return check
  return { ...check, otherRoot: { index, root } }
}

function misplaced(check: ExportCheck, header: ExportHeader, event: ExportEvent): Refusal | undefined {
  const { index } = event
  if (index < check.next || index >= header.to) {
    const says = `Event ${index} is not where it belongs: after ${check.next - 1}, before ${header.to}.`
    return refuse('denied', 'audit.event_out_of_order', says, { index })
  }
  if (index > check.next && !header.selected) return missing(check.next)
  if (!event.proof && !isWholeLog(header)) {
    const says = `Event ${index} comes without a proof that the log has it.`
    return refuse('denied', 'audit.proof_missing', says, { index })
  }
  return undefined
}

/** The line's tenant is only a claim; the leaf's was hashed. */
function notOfTenant(header: ExportHeader, event: ExportEvent): Refusal | undefined {
  if (leafFields(event.leaf)?.get('tenant') === header.tenant) return undefined
  const says = `Event ${event.index} is not one of the tenant ${header.tenant}.`
  return refuse('denied', 'audit.event_of_another_tenant', says, { index: event.index })
}

function badOpening(event: ExportEvent): Refusal | undefined {
  const fields = leafFields(event.leaf)
  for (const [field, opening] of Object.entries(event.openings ?? {})) {
    const committed = fields?.get(field)
    if (typeof committed === 'string' && opens(committed, opening)) continue
    const says = `Event ${event.index} shows a value for "${field}" that is not the one that was recorded.`
    return refuse('denied', 'audit.opening_mismatch', says, { index: event.index, field })
  }
  return undefined
}

function leafFields(leaf: string): ReadonlyMap<string, unknown> | undefined {
  try {
    return leaf.isWellFormed() ? new Map(Object.entries(JSON.parse(leaf))) : undefined
  } catch {
    return undefined
  }
}

function markBad(check: ExportCheck, refusal: Refusal): ExportCheck {
  return check.bad ? check : { ...check, bad: { index: check.next, refusal } }
}

export function missing(index: number): Refusal {
  return refuse('denied', 'audit.event_missing', `Event ${index} is missing.`, { index })
}

export function notInLog(index: number): Refusal {
  const says = `Event ${index} is not the one that the log has there: it was altered, or its proof was.`
  return refuse('denied', 'audit.event_not_in_log', says, { index })
}

function malformed(line: number): Refusal {
  return refuse('malformed', 'audit.export_malformed', `Line ${line} is not a line of an audit export.`, {
    line,
  })
}

function badLine(check: ExportCheck): Refusal {
  const says = `Line ${check.lines}, where event ${check.next} should be, is not a line of an audit export.`
  return refuse('malformed', 'audit.export_malformed', says, { line: check.lines, index: check.next })
}

function anotherLog(found: string, wanted: string): Refusal {
  const says = `This is an export of the log ${found}, not of ${wanted}.`
  return refuse('denied', 'audit.checkpoint_of_another_log', says, { found, wanted })
}
