import type { TokenId } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { AuthorityView } from './authority.ts'
import type { Asker } from './introspect-token.ts'
import { verifySignedToken } from './verify-access-token.ts'

/**
 * RFC 7009: a client gives a token of its own back. Answers nothing: whether a token was somebody else's, unknown or already over is not
 * told (§2.2). What was derived from it ends with it, since the link to it is in their lineage.
 */
export async function revokeToken(view: AuthorityView, asker: Asker, token: string): Promise<void> {
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(token, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok || asker.kind !== 'agent' || verified.value.claims.client_id !== asker.id) return
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
        agent: asker.id,
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
