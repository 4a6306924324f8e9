import type { TenantName } from './ids.ts'
import type { Change, DocumentKind } from './registry.ts'

/** The newest change of every object, removed ones included, so that a late listener can be brought up to date. */
export type Documents = ReadonlyMap<string, Change>

export function documentKey(tenant: TenantName, kind: DocumentKind, name: string): string {
  return JSON.stringify([tenant, kind, name])
}

/** Adds changes in order; the old map is left as it was. */
export function addDocuments(documents: Documents, changes: readonly Change[]): Documents {
  const next = new Map(documents)
  for (const change of changes) next.set(documentKey(change.tenant, change.kind, change.name), change)
  return next
}
