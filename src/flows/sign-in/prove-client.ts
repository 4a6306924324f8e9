import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { epochSeconds } from '../../core/time.ts'
import {
  ASSERTION_REPLAYED,
  clientInAssertion,
  verifyClientAssertion,
} from '../../lib/jose/client-assertion.ts'
import { parseJws } from '../../lib/jose/jws.ts'
import type { AuthorityView } from '../authority.ts'
import { keysOfClient } from './client-keys.ts'
import { type FoundClient, findClient } from './find-client.ts'

/** How a client that people sign in through says who it is at our endpoints: by its id alone, or with an assertion made by its key. */
export type ClientStatement = { readonly clientId: string; readonly assertion?: string }

/**
 * The client that asks. One with a key must show it each time (RFC 6749 §3.2.1), and one without can't: of neither is the other taken. Reasons: those
 * of `findClient`, `client.proof_missing`, `client.no_key`, `client.keys`, `client.id_mismatch`, and those of an assertion that does not count.
 */
export async function proveClient(
  view: AuthorityView,
  { clientId, assertion }: ClientStatement,
): Promise<Result<FoundClient, Refusal>> {
  const found = await findClient(view, clientId)
  return found.ok ? proveFound(view, found.value, assertion) : found
}

/** The same of a client that was found already. */
export async function proveFound(
  view: AuthorityView,
  found: FoundClient,
  assertion: string | undefined,
): Promise<Result<FoundClient, Refusal>> {
  const held = keysOfClient(view, found)
  if (held === undefined) return assertion === undefined ? ok(found) : no('client.no_key')
  if (assertion === undefined) return no('client.proof_missing')
  const jws = parseJws(assertion)
  if (!jws.ok) return err(refuse('unauthenticated', jws.error.reason, jws.error.says))
  const clientId = found.client.id
  if (clientInAssertion(jws.value) !== clientId) return no('client.id_mismatch')
  const keys = await held.find(jws.value.kid, view.now)
  if (!keys.ok) return err(unusable(keys.error.reason))
  const { issuer: audience, now } = view
  const verified = verifyClientAssertion(jws.value, { clientId, audience, keys: keys.value, now })
  if (!verified.ok) return verified
  const { spend, until } = verified.value
  const once = { tenant: view.name, key: `client:${found.trust}:${spend}`, expires: epochSeconds(until) }
  return (await view.ports.store.commit({ events: [], spend: once })).done ? ok(found) : ASSERTION_REPLAYED
}

/** The client that made an assertion with its own key, if it is one that people sign in through. Nothing is proven by this. */
export async function clientOfAssertion(
  view: AuthorityView,
  assertion: string,
): Promise<FoundClient | undefined> {
  const jws = parseJws(assertion)
  const id = jws.ok ? clientInAssertion(jws.value) : undefined
  const found = id === undefined ? undefined : await findClient(view, id)
  return found?.ok && found.value.client.keys !== undefined ? found.value : undefined
}

function unusable(why: string): Refusal {
  return refuse(
    'unauthenticated',
    'client.keys',
    "The client's keys can not be read; its publisher can say why.",
    {
      why,
    },
  )
}

const SAYS = {
  'client.proof_missing': 'This client is known by its key: authenticate with private_key_jwt.',
  'client.no_key': 'This client is known here without a key, so it sends client_id alone.',
  'client.id_mismatch': 'client_id names another client than the assertion.',
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse('unauthenticated', reason, SAYS[reason]))
}
