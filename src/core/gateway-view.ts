import { type Documents, documentKey } from './documents.ts'
import type { Gateway } from './identity/gateway.ts'
import type { Revision } from './ids.ts'
import { emptyMap, type Own, type PersistentMap, withEntry } from './persistent-map.ts'
import type { Change, ChangeDraft } from './registry.ts'
import { homesOf, shownOfListed, visibleChanges, visibleTo } from './visible.ts'

/** What a gateway's entry shows it of the registry, by document; `homes` are tenants of which it sees only what concerns their guests. */
export type GatewayView = {
  readonly gateway: Gateway
  readonly shown: PersistentMap<string, Change>
  readonly homes: ReadonlySet<string>
}
export type ViewStep = { readonly view: GatewayView; readonly changes: readonly Change[] }

export function openView(gateway: Gateway, documents: Documents): GatewayView {
  const own: Own = new Set()
  const shown = visibleTo(gateway, documents).reduce(
    (all, each) => withEntry(all, keyOf(each), each, own),
    emptyMap<string, Change>(),
  )
  return { gateway, shown, homes: homesOf(gateway, documents) }
}

/**
 * The view after some changes, and what the gateway must be told of them. It costs what the changes touch, unless they touch what the view
 * itself follows from: the gateway's entry, who is admitted to a listed tenant, or the home of a guest. Then all is looked at again.
 */
export function nextView(
  view: GatewayView,
  gateway: Gateway,
  documents: Documents,
  changed: readonly Change[],
  revision: Revision,
): ViewStep {
  const listed = new Set<string>(gateway.tenants)
  const moves = ({ tenant, kind }: Change) =>
    view.homes.has(tenant) || (kind === 'admission' && listed.has(tenant))
  if (gateway !== view.gateway || changed.some(moves)) {
    const next = openView(gateway, documents)
    const all = [...next.shown.values()].sort((a, b) => a.revision - b.revision)
    return { view: next, changes: visibleChanges([...view.shown.values()], all, revision) }
  }
  return stepped(
    view,
    changed.filter(({ tenant }) => listed.has(tenant)),
    revision,
  )
}

function stepped(view: GatewayView, changed: readonly Change[], revision: Revision): ViewStep {
  const own: Own = new Set()
  const changes: Change[] = []
  let { shown } = view
  for (const change of changed) {
    const key = keyOf(change)
    const now = change.doc === null ? undefined : shownOfListed(change, view.gateway)
    if (now === undefined && !shown.has(key)) continue
    const { tenant, kind, name } = change
    const removed: ChangeDraft = { tenant, kind, name, doc: null }
    changes.push(now ?? { ...removed, revision })
    shown = withEntry(shown, key, now, own)
  }
  return { view: { ...view, shown }, changes }
}

function keyOf({ tenant, kind, name }: Change): string {
  return documentKey(tenant, kind, name)
}
