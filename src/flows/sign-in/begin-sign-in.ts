import type { AuditDraft } from '../../core/audit/audit-event.ts'
import type { IdentityProvider } from '../../core/identity/identity-provider.ts'
import { clientLinkName } from '../../core/identity/oauth-client.ts'
import type { KeptKind } from '../../core/kept.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { signJwt } from '../../lib/jose/jwt.ts'
import type { OpenIdProvider, SignInKeys } from '../../lib/openid-client.ts'
import { isKey, keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh, requireSigner } from '../authority.ts'
import { tenantStands } from '../verify-access-token.ts'
import {
  type AuthorizationAsk,
  type AuthorizationNo,
  type AuthorizationRequest,
  answerUrl,
  checkAuthorization,
} from './authorization.ts'
import { keepStep } from './keep-step.ts'

/** Seconds that a person has for each step. */
export const STEP_LIFE = 600

/** What waits for a person to come back from the identity provider. */
export type SentAway = {
  readonly idp: string
  readonly keys: SignInKeys
  /** Digest of the cookie of the browser that began. */
  readonly browser: string
}
export type KeptSignIn = SentAway & { readonly request: AuthorizationRequest }

/** The next thing a browser is told: where to go, and the cookie by which it is known again. */
export type SignInStep = { readonly to: string; readonly browser?: string }

/**
 * Sends a person to the company's identity provider. A no that may not be told to the client is for the person to read. `browser` is
 * the cookie that came along. Throws Unavailable.
 */
export async function beginSignIn(
  view: AuthorityView,
  ask: AuthorizationAsk,
  browser: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  requireFresh(view.ports)
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const checked = await checkAuthorization(view, ask)
  if (!checked.ok) return refuseAuthorization(view, checked.error, ask.clientId)
  return sendToProvider(view, browser, {
    kind: 'sign-in',
    state: newKey(),
    doc: { request: checked.value.request },
  })
}

/** What is kept of somebody who is at the provider: `doc` is what they came for, and comes back as a part of `SentAway`. */
type Sending = { readonly kind: KeptKind; readonly state: string; readonly doc: object }

/** Sends a browser to the tenant's provider, to come back under `state`. Throws Unavailable. */
export async function sendToProvider(
  view: AuthorityView,
  browser: string | undefined,
  { kind, state, doc }: Sending,
): Promise<Result<SignInStep, Refusal>> {
  const idp = signInProvider(view)
  if (!idp) return err(NO_PROVIDER)
  const keys = { state, nonce: newKey(), verifier: newKey() }
  const to = await view.ports.signIn.openId.begin(relyingParty(view, idp), keys)
  if (!to.ok) return err(refuse(to.error.refused, to.error.reason, to.error.says, to.error.facts))
  const cookie = browser !== undefined && isKey(browser) ? browser : newKey()
  const sent: SentAway = { idp: idp.idp, keys, browser: keyDigest(cookie) }
  await keepStep(view, { kind, key: state, doc: { ...doc, ...sent }, life: STEP_LIFE })
  return ok({ to: to.value, browser: cookie })
}

const NO_PROVIDER = refuse(
  'denied',
  'sign_in.no_provider',
  'People can not sign in here: no identity provider of this tenant has `sign_in`, or several have.',
)

/** The one provider that people sign in at. */
export function signInProvider(view: AuthorityView): IdentityProvider | undefined {
  const found = [...view.tenant.idps.values()].filter(({ sign_in }) => sign_in !== undefined)
  return found.length === 1 ? found[0] : undefined
}

/** What we are at that provider. An assertion is signed by the tenant's own key: no secret is stored for it. */
export function relyingParty(view: AuthorityView, idp: IdentityProvider): OpenIdProvider {
  const { client = '', auth = 'none', scopes = [] } = idp.sign_in ?? {}
  return {
    issuer: idp.issuer,
    clientId: client,
    redirectUri: `${view.issuer}/sign-in`,
    scopes: [...new Set(['openid', ...scopes])],
    allow: idp.allow_private,
    ...(idp.ca === undefined ? {} : { ca: idp.ca }),
    ...(auth === 'none' ? {} : { assertion: (audience) => assertionFor(view, client, audience) }),
  }
}

/** RFC 7523 §3, with the explicit type of rfc7523bis §4. */
function assertionFor(view: AuthorityView, client: string, audience: string): string {
  const { key, kid } = requireSigner(view)
  const claims = { iss: client, sub: client, aud: audience, iat: view.now, exp: view.now + 60, jti: newKey() }
  return signJwt(claims, { key, kid, typ: 'client-authentication+jwt' })
}

/** Writes a refused request down, and tells the client where that is safe. */
export async function refuseAuthorization(
  view: AuthorityView,
  { refusal, back }: AuthorizationNo,
  clientId: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  await view.ports.store.commit({ events: [refusedEvent(view, refusal, clientId)] })
  if (back === undefined) return err(refusal)
  return ok({ to: answerUrl(view, back, { error: back.error, says: refusal.says }) })
}

function refusedEvent(view: AuthorityView, refusal: Refusal, clientId: string | undefined): AuditDraft {
  const facts = clientId === undefined ? {} : { client: clientLinkName(clientId) }
  return {
    tenant: view.name,
    at: view.at,
    kind: 'session',
    outcome: 'deny',
    reason: refusal.reason,
    revision: view.snapshot.revision,
    facts: { ...facts, proof: 'claimed' },
  }
}
