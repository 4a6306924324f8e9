import type { Revision, TenantName } from '../core/ids.ts'
import { type Link, parseLink } from '../core/lifecycle/revocation.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Clock } from '../core/time.ts'
import { revocableLink } from './revocable-link.ts'

export type RestorePorts = {
  readonly store: Pick<Store, 'commit'>
  readonly snapshot: () => Snapshot
  readonly refresh: () => Promise<void>
  readonly now: Clock
}

export type RestoreAsk = {
  readonly tenant: TenantName
  readonly link: string
  readonly reason: string
  /** The person who asks, as the audit names them. */
  readonly by: string
}

/**
 * Lifts a standing revocation: what is issued from now on counts again. The document is written anew, so its revoked-at revision is this
 * one, and everything from before stays over: nobody gets back what was taken away.
 */
export async function restore(
  ports: RestorePorts,
  ask: RestoreAsk,
): Promise<Result<{ readonly link: Link; readonly revision: Revision }, Refusal>> {
  const { tenant, by } = ask
  const snapshot = ports.snapshot().tenants.get(tenant)
  if (!snapshot) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
  // What was revoked may be gone from the registry; its revocation can be lifted all the same.
  const literal = parseLink(ask.link)
  const found =
    literal !== undefined && snapshot.revocations.has(literal)
      ? ok(literal)
      : revocableLink(snapshot, ask.link)
  if (!found.ok) return found
  const link = found.value
  if (!snapshot.revocations.get(link)?.standing) {
    return err(
      refuse('denied', 'revocation.not_standing', 'Nothing is revoked under this name until it is lifted.'),
    )
  }
  const reason = ask.reason.slice(0, 200)
  const event = { tenant, at: ports.now(), kind: 'revocation', outcome: 'done' } as const
  const facts = { link, standing: false, why: reason }
  const written = await ports.store.commit({
    events: [{ ...event, reason: 'restored', facts, personal: { user: by } }],
    changes: [{ tenant, kind: 'revocation', name: link, doc: { revocation: link, standing: false, reason } }],
  })
  if (!written.done) throw new Unavailable('store.conflict', 'the change was not committed')
  await ports.refresh()
  return ok({ link, revision: written.revision })
}
