import { endedBy, link } from '../../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { type AuthorizationKeys, authorizationUrl } from '../../lib/oauth-client/authorize.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { STEP_LIFE } from '../sign-in/begin-sign-in.ts'
import { OTHER_BROWSER } from '../sign-in/finish-sign-in.ts'
import { keepStep } from '../sign-in/keep-step.ts'
import { refusalOf, returnUri } from './account-place.ts'
import { type KeptConnectConsent, type PageUser, refused } from './return-signed-in.ts'

/** What waits for the person to come back from the authorization server; the issuer is kept with the verifier, and compared (RFC 9207). */
export type KeptConnectAway = KeptConnectConsent & { readonly keys: AuthorizationKeys }

/**
 * A person's answer. Only after their yes is there a `state`, and only their browser can bring it back: so nobody can be made to finish what
 * another began (MCP, confused deputy). Answers where to send them, or undefined when they said no. Throws Unavailable.
 */
export async function answerConnect(
  view: AuthorityView,
  answer: { readonly ticket: string; readonly allowed: boolean },
  browser: string | undefined,
): Promise<Result<string | undefined, Refusal>> {
  requireFresh(view.ports)
  const { kept } = view.ports.signIn
  // Looked at before it is taken: somebody else's browser must not be able to spend it.
  const seen = await kept.look(view.name, 'connect-consent', keyDigest(answer.ticket))
  if (seen === undefined) return err(OVER)
  const question = JSON.parse(seen) as KeptConnectConsent
  if (browser === undefined || keyDigest(browser) !== question.browser) return err(OTHER_BROWSER)
  if ((await kept.take(view.name, 'connect-consent', keyDigest(answer.ticket))) === undefined)
    return err(OVER)
  const ended = userEnded(view, question.user)
  if (ended) return refused(view, question.offer, question.user, ended)
  if (!answer.allowed) {
    await refused(view, question.offer, question.user, DENIED)
    return ok(undefined)
  }
  return sendAway(view, question)
}

const OVER = refuse(
  'stale',
  'connection.over',
  'This was answered before, or waited too long. Open the link again.',
)
const DENIED = refuse('denied', 'connection.denied', 'The person did not want to connect the account.')
const ENDED = refuse(
  'stale',
  'connection.user_ended',
  'Your access here has ended since you signed in. Nothing was connected.',
)

/** Whether the person may still act here: suspended or revoked since they signed in ends the page. */
export function userEnded({ tenant }: AuthorityView, { id, rev }: PageUser): Refusal | undefined {
  if (tenant.users.get(id)?.state !== 'active') return ENDED
  return endedBy([link('user', id)], rev, tenant.revocations) ? ENDED : undefined
}

async function sendAway(view: AuthorityView, question: KeptConnectConsent): Promise<Result<string, Refusal>> {
  const { place, client, scopes } = question
  const keys = { state: newKey(), verifier: newKey() }
  const asked = { place, clientId: client, redirectUri: returnUri(view), scopes, keys }
  const to = refusalOf(await authorizationUrl(asked))
  if (!to.ok) return refused(view, question.offer, question.user, to.error)
  const away: KeptConnectAway = { ...question, keys }
  await keepStep(view, { kind: 'connect-away', key: keys.state, doc: away, life: STEP_LIFE })
  return to
}
