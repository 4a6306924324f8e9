import { type AgentTokenClaims, agentTokenSchema, TOKEN_TYP } from '../core/identity/access-token.ts'
import type { Proof } from '../core/identity/agent.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import { type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { EpochSeconds } from '../core/time.ts'
import { parseJws, type UnverifiedJws } from '../lib/jose/jws.ts'
import { unverifiedClaims, verifyJwt } from '../lib/jose/jwt.ts'
import { attestAgent, attestedBefore, PROOF_REQUIRED, proofKey } from './attest-agent.ts'
import type { AuthorityView } from './authority.ts'
import { recall, remember, tokenKey } from './authority-memory.ts'
import { type AgentCaller, type Caller, callerStands, findAgent } from './caller.ts'
import { publishedKeys } from './published-keys.ts'
import type { ClientAssertion, Wire } from './token-ask.ts'

/**
 * Who asks (RFC 7521 §4.2, RFC 7523 §2.2 with rfc7523bis: the sole audience is this issuer). An agent+jwt of any home at this authority, for
 * an agent that lives here or is admitted; or, at home only, the workload's own evidence.
 */
export async function authenticateClient(
  view: AuthorityView,
  client: ClientAssertion,
  wire: Wire,
): Promise<Result<AgentCaller, Refusal>> {
  const jkt = proofKey(view, wire)
  if (!jkt.ok) return jkt
  const key = tokenKey(view.name, client.assertion)
  // An await costs as much as all that is judged here, so what is known from before asks for none.
  const caller = known(view, key, jkt.value) ?? (await byAssertion(view, client, key, jkt.value, wire.signal))
  if (!caller.ok) return caller
  const stated = client.clientId
  if (stated !== undefined && stated !== caller.value.workload.id && stated !== issuerOf(client.assertion)) {
    return no('client.id_mismatch')
  }
  const { workload } = caller.value
  // Gateways have a door of their own, and a kind of token that nothing here takes or gives.
  return workload.kind === 'agent' ? ok({ ...caller.value, workload }) : no('client.gateway')
}

/** The workload that an agent+jwt for this issuer names; the proof of its key is the caller's to compare. */
export function readAgentToken(view: AuthorityView, compact: string): Result<AgentTokenClaims, Refusal> {
  const key = tokenKey(view.name, compact)
  const before = recallAgentToken(view, key)
  if (before) return ok(before)
  const jws = parseJws(compact)
  return jws.ok ? verifyAgentToken(view, jws.value, key) : jws
}

/** Who asks, when this process verified the same assertion a moment ago. */
function known(
  view: AuthorityView,
  key: string,
  jkt: string | undefined,
): Result<Caller, Refusal> | undefined {
  const claims = recallAgentToken(view, key)
  return claims ? byAgentToken(view, claims, jkt) : attestedBefore(view, key, jkt)
}

async function byAssertion(
  view: AuthorityView,
  client: ClientAssertion,
  key: string,
  jkt: string | undefined,
  signal: Wire['signal'],
): Promise<Result<Caller, Refusal>> {
  const evidence = client.assertion
  const jws = parseJws(client.assertion)
  if (!jws.ok) return err(refuse('unauthenticated', jws.error.reason, jws.error.says))
  if (jws.value.header.typ !== TOKEN_TYP.agent) return attestAgent(view, evidence, jkt, signal, key)
  if (client.type !== 'jwt-bearer') return no('client.assertion_type')
  const claims = verifyAgentToken(view, jws.value, key)
  return claims.ok ? byAgentToken(view, claims.value, jkt) : claims
}

function recallAgentToken(view: AuthorityView, key: string): AgentTokenClaims | undefined {
  const { agentTokens } = view.ports.memory
  const found = agentTokens.get(key)
  const home = found && homeOf(view, found.value.iss)
  const claims = home && recall(agentTokens, key, home.keys, view.now)
  return claims && view.now < claims.exp ? claims : undefined
}

function homeOf(view: AuthorityView, iss: string | undefined) {
  const prefix = `${view.ports.origin}/t/`
  return iss?.startsWith(prefix)
    ? view.snapshot.tenants.get(iss.slice(prefix.length) as TenantName)
    : undefined
}

function verifyAgentToken(
  view: AuthorityView,
  jws: UnverifiedJws,
  key: string,
): Result<AgentTokenClaims, Refusal> {
  const stated = unverifiedClaims(jws)
  const home = stated.ok ? homeOf(view, stated.value.iss) : undefined
  if (!stated.ok || !home || home.tenant.state !== 'active') return no('client.issuer')
  const verified = verifyJwt(jws, {
    keys: publishedKeys(home),
    algorithms: ['ES256'],
    typ: TOKEN_TYP.agent,
    issuer: `${view.ports.origin}/t/${home.tenant.tenant}`,
    audience: view.issuer,
    soleAudience: true,
    now: view.now,
    leeway: 0,
  })
  if (!verified.ok) return verified
  const claims = agentTokenSchema.safeParse(verified.value.claims)
  if (!claims.success) return no('client.malformed')
  remember(view.ports.memory.agentTokens, key, home.keys, view.now, claims.data)
  return ok(claims.data)
}

function byAgentToken(
  view: AuthorityView,
  claims: AgentTokenClaims,
  jkt: string | undefined,
): Result<Caller, Refusal> {
  if (jkt === undefined) return err(PROOF_REQUIRED)
  if (jkt !== claims.cnf.jkt) return no('dpop.key_mismatch')
  const home = claims.iss.slice(`${view.ports.origin}/t/`.length) as TenantName
  const workload = findAgent(view, home, claims.sub)
  if (!workload.ok) return workload
  const guest = home !== view.name
  const own = claims.lin as Link[]
  const caller: Caller = {
    workload: workload.value,
    proof: claims.prf as Proof,
    links: guest ? [...own, link('admission', claims.sub)] : own,
    rev: claims.rev as Revision,
    expires: claims.exp as EpochSeconds,
    jkt,
  }
  const fallen = callerStands(view, caller)
  return fallen ? err(fallen) : ok(caller)
}

function issuerOf(compact: string): string | undefined {
  const jws = parseJws(compact)
  const claims = jws.ok ? unverifiedClaims(jws.value) : jws
  return claims.ok ? claims.value.iss : undefined
}

const SAYS = {
  'client.gateway': 'A gateway gets no tokens here.',
  'client.assertion_type': 'This assertion is not of the type that client_assertion_type says.',
  'client.issuer': 'The agent token is not from an issuer of this authority.',
  'client.malformed': 'The agent token does not hold what it must.',
  'client.id_mismatch': 'client_id names another client than the assertion.',
  'dpop.key_mismatch': 'The DPoP proof was made with another key than the agent token is bound to.',
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse('unauthenticated', reason, SAYS[reason]))
}
