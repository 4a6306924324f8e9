import { type ClientTrust, clientTrustSchema, OAUTH_CLIENT } from '../../core/identity/client-trust.ts'
import { refuse } from '../../core/refusal.ts'
import { err } from '../../core/result.ts'
import type { Attestor } from '../contract.ts'

/**
 * OAuth clients that people sign in through. There is no evidence to show: a client only states its id, so its agent is `claimed` and
 * exists with a person's consent alone. Whatever is shown as evidence is not this attestor's.
 */
export const oauthClient: Attestor<ClientTrust> = {
  name: OAUTH_CLIENT,
  trust: clientTrustSchema,
  concerns: () => false,
  attest: async () =>
    err(refuse('unauthenticated', 'evidence.untrusted', 'An OAuth client proves nothing about itself.')),
}
