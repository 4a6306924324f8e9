import { isDeepStrictEqual } from 'node:util'
import type { TenantName } from '../../core/ids.ts'
import { type Change, type ChangeDraft, DECLARED, type DocumentKind } from '../../core/registry.ts'

/** One line of a plan: what would change, and how. */
export type PlannedChange = {
  readonly tenant: TenantName
  readonly kind: DocumentKind
  readonly name: string
  readonly how: 'add' | 'change' | 'remove'
  /** Keys whose value differs, for `change`. */
  readonly keys: readonly string[]
}

export type Plan = { readonly changes: readonly ChangeDraft[]; readonly lines: readonly PlannedChange[] }

/**
 * Whether a document is of a person who came by a sign-in and may go on: no file lists them, so none takes them away, as long as their
 * provider's users need not be listed and no file says who they are.
 */
function signInsOf(declared: readonly ChangeDraft[]): (change: Change) => boolean {
  const person = (tenant: string, idp: string, sub: string) => JSON.stringify([tenant, idp, sub])
  const open = new Set<string>()
  const listed = new Set<string>()
  for (const { tenant, kind, doc } of declared) {
    if (kind === 'idp' && doc?.users === 'any') open.add(JSON.stringify([tenant, doc.idp]))
    if (kind === 'user' && doc) listed.add(person(tenant, doc.idp, doc.sub))
  }
  return ({ tenant, kind, doc }) =>
    kind === 'user' &&
    doc?.registered === true &&
    open.has(JSON.stringify([tenant, doc.idp])) &&
    !listed.has(person(tenant, doc.idp, doc.sub))
}

type AnyDraft = {
  readonly tenant: TenantName
  readonly kind: DocumentKind
  readonly name: string
  readonly doc: unknown
}

function keyOf(draft: { readonly tenant: string; readonly kind: string; readonly name: string }): string {
  return JSON.stringify([draft.tenant, draft.kind, draft.name])
}

/**
 * What it takes to get from the registry's current documents to the declared ones. Only the declared tenants are touched, and of
 * them only the kinds that people declare: revocations, reported facts and keys stay as they are.
 */
export function planChanges(declared: readonly ChangeDraft[], current: Iterable<Change>): Plan {
  const tenants = new Set(declared.map((draft) => draft.tenant))
  const kinds = new Set<DocumentKind>(DECLARED)
  const before = new Map<string, Change>()
  for (const change of current) {
    if (tenants.has(change.tenant) && kinds.has(change.kind) && change.doc !== null)
      before.set(keyOf(change), change)
  }
  const changes: ChangeDraft[] = []
  const lines: PlannedChange[] = []
  for (const draft of declared) {
    const old = before.get(keyOf(draft))
    before.delete(keyOf(draft))
    if (old && isDeepStrictEqual(old.doc, draft.doc)) continue
    changes.push(draft)
    lines.push(line(draft, old ? 'change' : 'add', old?.doc))
  }
  const signsIn = signInsOf(declared)
  for (const gone of before.values()) {
    if (signsIn(gone)) continue
    changes.push({ tenant: gone.tenant, kind: gone.kind, name: gone.name, doc: null } as ChangeDraft)
    lines.push(line(gone, 'remove', undefined))
  }
  return { changes, lines }
}

function line(draft: AnyDraft, how: PlannedChange['how'], old: unknown): PlannedChange {
  return {
    tenant: draft.tenant,
    kind: draft.kind,
    name: draft.name,
    how,
    keys: how === 'change' ? differing(old, draft.doc) : [],
  }
}

function differing(old: unknown, now: unknown): readonly string[] {
  const a = (old ?? {}) as Record<string, unknown>
  const b = (now ?? {}) as Record<string, unknown>
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => !isDeepStrictEqual(a[key], b[key]))
    .sort()
}
