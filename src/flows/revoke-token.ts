import type { TokenId } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { AuthorityView } from './authority.ts'
import { type Asker, isOwnToken } from './introspect-token.ts'
import { endSession } from './sign-in/end-session.ts'
import { findRenewable } from './sign-in/renew-session.ts'
import { verifySignedToken } from './verify-access-token.ts'

/**
 * RFC 7009: a client gives a token of its own back. Answers nothing: whether a token was somebody else's, unknown or already over is not
 * told (§2.2). What was derived from it ends with it, since the link to it is in their lineage. A refresh token, replaced or not, ends its
 * session: everything that the person agreed to (§2.1).
 */
export async function revokeToken(view: AuthorityView, asker: Asker, token: string): Promise<void> {
  const renewable =
    asker.kind === 'client' ? await findRenewable(view, token, asker.found.client.id) : undefined
  if (renewable) return endSession(view, renewable.agreement, 'revoked.by_client')
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(token, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok || !isOwnToken(asker, verified.value.claims)) return
  const { jti } = verified.value.claims
  const revocation = link('token', jti)
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'revocation',
        outcome: 'done',
        reason: 'revoked.by_client',
        token: jti as TokenId,
        session: verified.value.chain.session,
        agent: verified.value.chain.agent,
      },
    ],
    changes: [
      {
        tenant: view.name,
        kind: 'revocation',
        name: revocation,
        doc: { revocation, standing: true, reason: 'given back by its client' },
      },
    ],
  })
  await view.ports.refresh()
}
