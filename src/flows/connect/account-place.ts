import type { AccountSettings } from '../../core/credential/account.ts'
import type { HeldKey, HeldPlace } from '../../core/held.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { reveal, Secret } from '../../core/secret.ts'
import { signJwt } from '../../lib/jose/jwt.ts'
import { discover, type Protected } from '../../lib/oauth-client/discover.ts'
import { clientAssertion, listedClient } from '../../lib/oauth-client/listed-client.ts'
import { challengeOf } from '../../lib/oauth-client/probe.ts'
import type { Reach } from '../../lib/oauth-client/reach.ts'
import { knownClient, type OurClient, register } from '../../lib/oauth-client/register.ts'
import type { Asking } from '../../lib/oauth-client/tokens.ts'
import type { Outcome } from '../../lib/outcome.ts'
import { isJsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { type AuthorityView, requireSigner } from '../authority.ts'
import type { ConnectPorts } from './connect-ports.ts'

/** A resource whose accounts people connect: where it is, and how. */
export type AccountResource = {
  readonly name: string
  readonly at: string
  readonly settings: AccountSettings
}

/** The resource with this name, if its provider has people connect accounts. */
export function accountResource(
  view: AuthorityView,
  connect: ConnectPorts,
  name: string,
): AccountResource | undefined {
  const resource = view.tenant.resources.get(name)?.resource
  if (resource?.type !== 'mcp' || resource.credential === undefined) return undefined
  const settings = connect.account(view.tenant.credentials.get(resource.credential.provider))
  return settings && { name, at: resource.at, settings }
}

export function reachOf(view: AuthorityView, settings: AccountSettings, signal: AbortSignal): Reach {
  const { ca, allow_private: allow } = settings
  return { fetch: view.ports.signIn.fetch, signal, allow, ...(ca === undefined ? {} : { ca }) }
}

/** Where the accounts of a resource are, found anew each time: what a server says of itself may change. */
export async function findPlace(
  reach: Reach,
  { at, settings }: AccountResource,
): Promise<Result<{ readonly place: Protected; readonly asked?: readonly string[] }, Refusal>> {
  const challenge = await challengeOf(reach, at)
  const place = refusalOf(await discover(reach, at, challenge, settings.issuers))
  if (!place.ok) return place
  const asked = settings.scopes ?? challenge?.scope
  return ok({ place: place.value, ...(asked === undefined ? {} : { asked }) })
}

/** Where people come back to from an authorization server: one place for each tenant, registered to the letter. */
export function returnUri(view: AuthorityView): string {
  return `${view.issuer}/connected`
}

/** Our own metadata document, which servers that take one fetch; it must be at an https URL. */
export function clientDocumentUrl(view: AuthorityView): string | undefined {
  return view.issuer.startsWith('https:') ? `${view.issuer}/client.json` : undefined
}

/**
 * What we are at this authorization server and at no other: registered by hand, else by our document, else registered now, once for each
 * tenant; that is kept sealed, under the issuer.
 */
export async function ourClient(
  view: AuthorityView,
  connect: ConnectPorts,
  reach: Reach,
  { settings }: AccountResource,
  { server }: Protected,
): Promise<Result<OurClient, Refusal>> {
  const listed = refusalOf(await listedClient(settings.clients, server.issuer, secretIn(connect)))
  if (!listed.ok) return listed
  if (listed.value) return ok(listed.value)
  const document = clientDocumentUrl(view)
  const name = `${view.tenant.tenant.display ?? view.name} (Countersign)`
  const ours = { name, redirectUri: returnUri(view), ...(document === undefined ? {} : { document }) }
  const known = knownClient(server, ours)
  if (known) return ok(known)
  const key = clientKey(view, server.issuer)
  const before = await connect.held.open(key)
  if (!before.ok) return before
  const kept = before.value && readClient(reveal(before.value.secret))
  if (kept && (kept.secretExpires === undefined || kept.secretExpires > view.now + 60)) return ok(kept)
  const made = refusalOf(await register(reach, server, ours))
  if (!made.ok) return made
  const about = JSON.stringify({ issuer: server.issuer, client: made.value.id })
  const held = await connect.held.hold(key, new Secret(JSON.stringify(made.value)), about)
  return held.ok ? made : held
}

export function secretIn(connect: ConnectPorts): (name: string) => Promise<string | undefined> {
  return async (name) => {
    const found = await connect.secret(name)
    return found && reveal(found)
  }
}

/** Everything that a request to a token endpoint needs. */
export function askingAs(
  view: AuthorityView,
  reach: Reach,
  { server }: Pick<Protected, 'server'>,
  client: OurClient,
): Asking {
  const sign = (typ: string, claims: Readonly<Record<string, unknown>>) => {
    const { key, kid } = requireSigner(view)
    return signJwt(claims, { key, kid, typ })
  }
  return { reach, server, client, assertion: clientAssertion(client.id, view.now, sign) }
}

function clientKey(view: AuthorityView, issuer: string): HeldKey {
  const place: HeldPlace = `client:${issuer} ${returnUri(view)}`
  return { tenant: view.name, user: '', place }
}

function readClient(text: string): OurClient | undefined {
  const value = parseStrictJsonText(text)
  return isJsonObject(value) && typeof value['id'] === 'string' ? (value as unknown as OurClient) : undefined
}

export function refusalOf<T>(outcome: Outcome<T>): Result<T, Refusal> {
  if (outcome.ok) return ok(outcome.value)
  const { refused, reason, says, facts } = outcome.error
  return err(refuse(refused, reason, says, facts))
}
