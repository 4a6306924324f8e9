import { type ApplyPorts, applyChanges } from '../../core/apply-changes.ts'
import { revision } from '../../core/ids.ts'
import type { Change, ChangeDraft } from '../../core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../core/snapshot.ts'

/** What an authority would decide from if these documents, and nothing else, were registered. */
export function declaredSnapshot(drafts: readonly ChangeDraft[], ports: ApplyPorts): Snapshot {
  return applyChanges(emptySnapshot(), drafts.map(asCommitted), ports)
}

/** The same with more documents on top, as one later commit. */
export function withDocuments(
  snapshot: Snapshot,
  drafts: readonly ChangeDraft[],
  ports: ApplyPorts,
): Snapshot {
  const next = revision(snapshot.revision + 1)
  return applyChanges(
    snapshot,
    drafts.map((draft) => ({ ...draft, revision: next }) as Change),
    ports,
  )
}

function asCommitted(draft: ChangeDraft): Change {
  return { ...draft, revision: revision(1) } as Change
}
