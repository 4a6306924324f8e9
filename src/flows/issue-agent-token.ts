import { type AgentTokenClaims, TOKEN_TYP } from '../core/identity/access-token.ts'
import type { TenantName, TokenId } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import { attestAgent, PROOF_REQUIRED, proofKey } from './attest-agent.ts'
import { type AuthorityView, requireSigner, viewOf } from './authority.ts'
import { type AgentCaller, admissionOf } from './caller.ts'
import type { IssuedToken, TokenAsk, Wire } from './token-ask.ts'

/** Seconds an agent+jwt lives: long enough to ask for tokens, too short to keep. */
const LIFE = 120

/** Evidence → `agent+jwt` for exactly one tenant issuer of this authority (ARCHITECTURE §3). Given by the agent's home alone. */
export async function issueAgentToken(
  view: AuthorityView,
  ask: Extract<TokenAsk, { readonly grant: 'attest' }>,
  wire: Wire,
): Promise<Result<IssuedToken, Refusal>> {
  const jkt = proofKey(view, wire)
  if (!jkt.ok) return jkt
  if (jkt.value === undefined) return err(PROOF_REQUIRED)
  const attested = await attestAgent(view, ask.evidence, jkt.value, wire.signal)
  if (!attested.ok) return attested
  const { workload } = attested.value
  if (workload.kind !== 'agent') return err(GATEWAY)
  const caller = { ...attested.value, workload }
  const target = targetOf(view, caller, ask.audience)
  return target.ok ? ok(await mint(view, caller, jkt.value, ask.audience)) : target
}

/** The tenant must be one where the workload lives or is admitted; any other is as unknown as one that does not exist. */
function targetOf(view: AuthorityView, caller: AgentCaller, audience: string): Result<TenantName, Refusal> {
  const prefix = `${view.ports.origin}/t/`
  const name = audience.startsWith(prefix) ? audience.slice(prefix.length) : ''
  const target = viewOf(view.ports, name)
  if (!target) return err(UNKNOWN)
  if (target.name === view.name) return ok(target.name)
  const { id } = caller.workload
  if (!admissionOf(target.tenant, id, view.now)) return err(UNKNOWN)
  const links: readonly Link[] = [link('agent', id), link('admission', id), link('tenant', target.name)]
  const ended = endedBy(links, caller.rev, target.tenant.revocations)
  return ended ? err(UNKNOWN) : ok(target.name)
}

const GATEWAY = refuse('unauthenticated', 'client.gateway', 'A gateway gets no tokens here.')
const UNKNOWN = refuse('unknown', 'audience.unknown', 'No tenant where this agent may work has that issuer.')

async function mint(
  view: AuthorityView,
  caller: AgentCaller,
  jkt: string,
  audience: string,
): Promise<IssuedToken> {
  const signer = requireSigner(view)
  const { workload, proof, links, rev, expires } = caller
  const exp = Math.min(view.now + LIFE, expires)
  const jti = view.ports.newId('token') as TokenId
  const claims: AgentTokenClaims = {
    iss: view.issuer,
    sub: workload.id,
    aud: audience,
    iat: view.now,
    exp,
    jti,
    rev,
    lin: [...links],
    prf: proof,
    cnf: { jkt },
  }
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'attest',
        outcome: 'allow',
        reason: 'attested',
        agent: workload.id,
        token: jti,
        revision: view.snapshot.revision,
        facts: { audience, proof },
      },
    ],
  })
  const token = signJwt(claims, { key: signer.key, kid: signer.kid, typ: TOKEN_TYP.agent })
  return { token, issuedType: 'agent-jwt', tokenType: 'DPoP', expiresIn: exp - view.now }
}
