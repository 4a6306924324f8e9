import type { TenantName } from './ids.ts'
import { type Own, type PersistentMap, withEntry } from './persistent-map.ts'
import type { Change, DocumentKind } from './registry.ts'

/** The newest change of every object, removed ones included, so that a late listener can be brought up to date. */
export type Documents = PersistentMap<string, Change>

export function documentKey(tenant: TenantName, kind: DocumentKind, name: string): string {
  return JSON.stringify([tenant, kind, name])
}

/**
 * Adds changes in order; the old map is left as it was. Sessions come and go all the time, and one that is over is of no use to a late
 * listener: what is gone of them is not kept.
 */
export function addDocuments(documents: Documents, changes: readonly Change[]): Documents {
  const own: Own = new Set()
  let next = documents
  for (const change of changes) {
    const key = documentKey(change.tenant, change.kind, change.name)
    const gone = change.kind === 'session-label' && change.doc === null
    next = withEntry(next, key, gone ? undefined : change, own)
  }
  return next
}
