import { link } from '../../core/lifecycle/revocation.ts'
import type { AuthorityView } from '../authority.ts'
import type { Agreement } from './answer-consent.ts'

/**
 * Ends a session that somebody holds a copy of, or that its client gave back: its tokens, its streams, and the way to renew it. A copy is an
 * alarm.
 */
export async function endSession(
  view: AuthorityView,
  agreement: Pick<Agreement, 'session' | 'request'>,
  reason: 'code.replayed' | 'refresh.reused' | 'revoked.by_client',
): Promise<void> {
  const { id } = agreement.session
  const revocation = link('session', id)
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: reason === 'revoked.by_client' ? 'revocation' : 'alarm',
        outcome: 'done',
        reason,
        session: id,
        facts: { ended: revocation },
      },
    ],
    changes: [
      {
        tenant: view.name,
        kind: 'revocation',
        name: revocation,
        doc: { revocation, standing: true, reason },
      },
    ],
  })
  await view.ports.signIn.kept.endRenewal(view.name, id)
  await view.ports.refresh()
}
