import { sessionLife } from '../core/identity/agent.ts'
import { clientLinkName } from '../core/identity/oauth-client.ts'
import { link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { type EpochSeconds, epochSeconds } from '../core/time.ts'
import { clientInAssertion } from '../lib/jose/client-assertion.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { PROOF_REQUIRED, proofKey } from './attest-agent.ts'
import { authenticateClient } from './authenticate-client.ts'
import type { AuthorityView } from './authority.ts'
import { type AgentCaller, mustBeBound } from './caller.ts'
import { type Issued, issueAccessToken } from './issue-access-token.ts'
import { registerUser } from './register-user.ts'
import type { Seen } from './sign-in/agreed-caller.ts'
import type { FoundClient } from './sign-in/find-client.ts'
import { clientOfAssertion, proveFound } from './sign-in/prove-client.ts'
import type { TokenAsk, TokenTarget, Wire } from './token-ask.ts'
import { type IdJag, verifyIdJag } from './verify-id-jag.ts'
import type { Subject } from './verify-subject.ts'

export type IdJagAsk = Extract<TokenAsk, { readonly grant: 'id-jag' }>

/** Who brings an ID-JAG: the names by which the provider may know it here, and what tells its sessions from those of others. */
type Bearer = {
  readonly caller: AgentCaller
  readonly names: readonly string[]
  readonly session: string
}

/**
 * An ID-JAG → an access token (draft-ietf-oauth-identity-assertion-authz-grant §4.4, MCP enterprise-managed authorization). The identity provider
 * has decided that this client may act for this user, so nobody is asked; what it may do is still policy's to say. First who brings it, then
 * what it says, then it is spent, and only then is anything decided or made. No refresh token: the next one comes from the provider.
 */
export async function redeemIdJag(
  view: AuthorityView,
  ask: IdJagAsk,
  wire: Wire,
  seen: Seen,
): Promise<Issued> {
  const bearer = await authenticateBearer(view, ask, wire)
  if (!bearer.ok) return no(bearer.error)
  const { caller, names } = bearer.value
  seen.agent = caller.workload.id
  const verified = await verifyIdJag(view, ask.assertion)
  if (!verified.ok) return no(verified.error)
  const jag = verified.value
  seen.user = jag.user.name
  const misused = misuse(jag, caller, names)
  if (misused) return no(misused)
  const target = targetOf(view, ask, jag)
  if (!target.ok) return no(target.error)
  if (!(await spend(view, jag))) return no(REPLAYED)
  const { fresh } = jag.user
  const known = fresh ? await registerUser(view, fresh.idp, fresh.claims) : view
  const issued = await issueAccessToken(known, caller, subjectOf(jag, bearer.value), target.value, wire)
  return issued.ok || jag.resources === undefined ? issued : notOurs(issued)
}

/** An agent by its evidence or agent token, or a client that people sign in through by its key. One that proves nothing gets nothing this way. */
async function authenticateBearer(
  view: AuthorityView,
  { client }: IdJagAsk,
  wire: Wire,
): Promise<Result<Bearer, Refusal>> {
  const found = await clientOfAssertion(view, client.assertion)
  if (found) return asClient(view, await proveFound(view, found, client.assertion), wire)
  const caller = await authenticateClient(view, client, wire)
  if (!caller.ok) return caller
  const { id } = caller.value.workload
  const jws = parseJws(client.assertion)
  const own = jws.ok && caller.value.proof === 'enrolled' ? clientInAssertion(jws.value) : undefined
  return ok({ caller: caller.value, names: own === undefined ? [id] : [id, own], session: '' })
}

function asClient(
  view: AuthorityView,
  proven: Result<FoundClient, Refusal>,
  wire: Wire,
): Result<Bearer, Refusal> {
  if (!proven.ok) return proven
  const { workload, proof, links, client } = proven.value
  const jkt = proofKey(view, wire)
  if (!jkt.ok) return jkt
  if (jkt.value === undefined && mustBeBound(workload, proof)) return err(PROOF_REQUIRED)
  const expires = (view.now + sessionLife(workload.agent)) as EpochSeconds
  const key = jkt.value === undefined ? {} : { jkt: jkt.value }
  const caller = { workload, proof, links, rev: view.snapshot.revision, expires, ...key }
  // Two clients may be one agent; ending the session of one must leave the other's.
  return ok({ caller, names: [client.id], session: ` ${link('client', clientLinkName(client.id))}` })
}

function misuse(jag: IdJag, { jkt }: AgentCaller, names: readonly string[]): Refusal | undefined {
  if (!names.includes(jag.clientId)) return OTHER_CLIENT
  if (jag.jkt === undefined || jag.jkt === jkt) return undefined
  return jkt === undefined ? PROOF_REQUIRED : OTHER_KEY
}

const OTHER_CLIENT = refuse(
  'unauthenticated',
  'assertion.client',
  'The assertion was given to another client than the one that brings it.',
)
const OTHER_KEY = refuse(
  'unauthenticated',
  'dpop.key_mismatch',
  'The DPoP proof was made with another key than the assertion is bound to.',
)
const REPLAYED = refuse('stale', 'assertion.replayed', 'The assertion was used before; get a new one.')
const NO_TARGET = refuse(
  'unknown',
  'request.target',
  'resource: exactly one, which the assertion names if it names any.',
)
const NO_SCOPE = refuse(
  'denied',
  'scope.none_permitted',
  'None of the tools asked for is one that the assertion is for.',
)

/** One resource, within what the assertion says, and of its tools those that both name. */
function targetOf(view: AuthorityView, ask: IdJagAsk, jag: IdJag): Result<TokenTarget, Refusal> {
  const only = jag.resources?.length === 1 ? jag.resources[0] : undefined
  const resource = ask.resource ?? only
  if (resource === undefined || resource === '') return err(NO_TARGET)
  if (jag.resources !== undefined && !jag.resources.includes(resource)) return err(NO_TARGET)
  const wanted = ask.scope ?? jag.scope
  const known = view.tenant.resources.get(resource.slice(resource.lastIndexOf('/') + 1))
  if (wanted === undefined || known === undefined) return ok({ resource, singleUse: false })
  const tools = new Set([...known.tools.values()].map(({ action }) => action))
  const scope = wanted.filter((word) => tools.has(word) && (jag.scope?.includes(word) ?? true))
  return scope.length > 0 ? ok({ resource, singleUse: false, scope }) : err(NO_SCOPE)
}

/** For the first who comes with it, over all authorities: one conditional insert, remembered until it would have ended by itself. */
async function spend(view: AuthorityView, { spend: { key, expires } }: IdJag): Promise<boolean> {
  const once = { tenant: view.name, key, expires: epochSeconds(expires) }
  return (await view.ports.store.commit({ events: [], spend: once })).done
}

/** The user, with the links by which their logout ends what is given, and never past the end of the assertion. */
function subjectOf({ user, signIn }: IdJag, { session }: Bearer): Subject {
  const { id, name, links, expires } = user
  return { user: { id, name }, login: signIn + session, links, expires, actors: [] }
}

/** The profile's word for a resource that is none of ours: what the provider said is wrong. What may not be known of looks the same. */
function notOurs(issued: Issued): Issued {
  if (issued.ok || issued.error.refusal.reason !== 'resource.unknown') return issued
  return no(
    refuse('unauthenticated', 'assertion.resource', 'The assertion is for a resource that is not here.'),
  )
}

function no(refusal: Refusal): Issued {
  return { ok: false, error: { refusal } }
}
