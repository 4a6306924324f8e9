import { type Refusal, refuse } from '../../core/refusal.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'
import type { PresentedCaller } from '../present-token.ts'
import { type KeptOffer, OFFER_LIFE } from './connect-ports.ts'

/** Links that are open in one tenant. */
const MOST = 20_000
/** Seconds that a link must still be good for to be given again. */
const STILL_GOOD = 600

/**
 * The refusal of a call that needs an account, with the link by which its person connects one: `facts.connect`. The link names nobody and
 * opens nothing: whoever follows it must sign in, and be the person whose call it was (MCP, URL elicitation). Throws Unavailable.
 */
export async function offerConnection(
  view: AuthorityView,
  { access: { chain }, known }: PresentedCaller,
  needed: Refusal,
): Promise<Refusal> {
  const { resource } = known.resource
  const scopes = Array.isArray(needed.facts['scopes']) ? (needed.facts['scopes'] as readonly string[]) : []
  const { user, agent } = chain
  if (user === undefined) return needed
  const offer: KeptOffer = { user, agent, resource, ...(scopes.length > 0 ? { scopes } : {}) }
  const url = await linkFor(view, offer)
  if (url === undefined) return TOO_MANY
  const says = `${needed.says} Whoever you act for opens ${url} in a browser and signs in; then call again.`
  return refuse(needed.refused, needed.reason, says, { connect: url, agent, resource })
}

const TOO_MANY = refuse(
  'limited',
  'connection.too_many',
  'Too many accounts of this tenant wait to be connected; try again later.',
)

async function linkFor(view: AuthorityView, offer: KeptOffer): Promise<string | undefined> {
  const { offers } = view.ports.memory
  const key = JSON.stringify([view.name, offer])
  const before = offers.get(key)
  if (before && before.until > view.now) return before.url
  const ticket = newKey()
  const kept = {
    tenant: view.name,
    kind: 'connect',
    digest: keyDigest(ticket),
    doc: JSON.stringify(offer),
    expires: (view.now + OFFER_LIFE) as EpochSeconds,
  } as const
  if (!(await view.ports.signIn.kept.keep(kept, MOST))) return undefined
  const url = `${view.issuer}/connect/${ticket}`
  offers.set(key, { url, until: (view.now + OFFER_LIFE - STILL_GOOD) as EpochSeconds })
  return url
}
