import { OPERATOR } from '../core/identity/tenant.ts'
import { isName, type TokenId } from '../core/ids.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import { attestAgent, PROOF_REQUIRED, proofKey } from './attest-agent.ts'
import { type AuthorityPorts, type AuthorityView, requireFresh, requireSigner, viewOf } from './authority.ts'
import type { Caller } from './caller.ts'
import { GATEWAY_LIFE, GATEWAY_TYP, type GatewayTokenClaims, gatewayAudience } from './gateway-token.ts'
import type { Wire } from './token-ask.ts'
import { tenantStands } from './verify-access-token.ts'

export type GatewayAttestAsk = { readonly evidence: string; readonly instance: string }
export type GatewayToken = { readonly token: string; readonly expiresIn: number }

/**
 * Evidence of a workload → an hour's credential for the gateway of the operator's tenant that it proves to be (ARCHITECTURE §1). Evidence
 * that can be shown again is bound to the instance's key: another key ends the first one, and raises an alarm. Every no is recorded.
 */
export async function attestGateway(
  ports: AuthorityPorts,
  ask: GatewayAttestAsk,
  wire: Wire,
): Promise<Result<GatewayToken, Refusal>> {
  requireFresh(ports)
  const view = viewOf(ports, OPERATOR)
  if (!view) return err(refuse('unknown', 'gateway.no_operator', 'There is no operator tenant yet.'))
  if (!isName(ask.instance)) {
    return err(
      refuse('malformed', 'gateway.instance', 'An instance is named by a-z, 0-9 and hyphens inside.'),
    )
  }
  const proven = await prove(view, ask.evidence, wire)
  if (!proven.ok) {
    await record(view, ask.instance, { outcome: 'deny', reason: proven.error.reason })
    return proven
  }
  return ok(await issue(view, ask.instance, proven.value))
}

type Proven = { readonly caller: Caller; readonly gateway: string; readonly jkt: string }

async function prove(view: AuthorityView, evidence: string, wire: Wire): Promise<Result<Proven, Refusal>> {
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const jkt = proofKey(view, wire)
  if (!jkt.ok) return jkt
  if (jkt.value === undefined) return err(PROOF_REQUIRED)
  const caller = await attestAgent(view, evidence, jkt.value, wire.signal)
  if (!caller.ok) return caller
  const { workload } = caller.value
  if (workload.kind !== 'gateway') {
    return err(refuse('unauthenticated', 'gateway.unknown', 'The evidence proves no registered gateway.'))
  }
  // A standing key would be a secret that the gateway is configured with, and a gateway has none (ARCHITECTURE §1).
  if (caller.value.proof !== 'attested') {
    return err(
      refuse(
        'unauthenticated',
        'gateway.not_attested',
        'A gateway proves itself by its runtime, not by a key.',
      ),
    )
  }
  return ok({ caller: caller.value, gateway: workload.gateway.gateway, jkt: jkt.value })
}

async function issue(view: AuthorityView, instance: string, proven: Proven): Promise<GatewayToken> {
  const signer = requireSigner(view)
  const { caller, gateway, jkt } = proven
  const jti = view.ports.newId('token') as TokenId
  const exp = view.now + GATEWAY_LIFE
  const claims: GatewayTokenClaims = {
    iss: view.issuer,
    sub: gateway,
    aud: gatewayAudience(view.ports.origin),
    ins: instance,
    iat: view.now,
    exp,
    jti,
    rev: caller.rev,
    lin: [...caller.links],
    cnf: { jkt },
  }
  const facts = { gateway, proof: caller.proof, key: jkt, expires: exp }
  // Written down first: a credential that nobody recorded must not exist.
  await record(view, instance, { outcome: 'allow', reason: 'gateway.attested', token: jti, facts })
  const token = signJwt(claims, { key: signer.key, kid: signer.kid, typ: GATEWAY_TYP })
  return { token, expiresIn: exp - view.now }
}

type Said = {
  readonly outcome: 'allow' | 'deny'
  readonly reason: string
  readonly token?: TokenId
  readonly facts?: Readonly<Record<string, string | number>>
}

async function record(view: AuthorityView, instance: string, { facts, ...said }: Said): Promise<void> {
  const { name: tenant, at, snapshot } = view
  const event = { tenant, at, kind: 'gateway', revision: snapshot.revision, ...said } as const
  await view.ports.store.commit({ events: [{ ...event, facts: { instance, ...facts } }] })
}
