import type { Gateway } from '../core/identity/gateway.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, type RefusalKind, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { EpochSeconds } from '../core/time.ts'
import { verifyDpop } from '../lib/jose/dpop.ts'
import { verifyJwt } from '../lib/jose/jwt.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from './authority.ts'
import { GATEWAY_TYP, type GatewayTokenClaims, gatewayAudience, gatewayTokenSchema } from './gateway-token.ts'
import { publishedKeys } from './published-keys.ts'
import { type PresentedToken, tenantStands } from './verify-access-token.ts'

/** A running gateway that proved itself for one request. `gateway` is its entry as it stands now, not as it was when it got its token. */
export type AuthorizedGateway = {
  readonly gateway: Gateway
  readonly instance: string
  readonly jkt: string
  readonly links: readonly Link[]
  readonly rev: Revision
  readonly expires: EpochSeconds
}

/**
 * Who asks at the gateways' API: a `gateway+jwt` of the operator's issuer, for this API alone, not ended, with a proof of its key
 * (RFC 9449 §7.1). Never a bearer.
 */
export function authorizeGateway(
  ports: AuthorityPorts,
  presented: PresentedToken,
): Result<AuthorizedGateway, Refusal> {
  const view = viewOf(ports, OPERATOR)
  if (!view) return no('gateway.token')
  const token = readToken(presented.authorization)
  if (token === undefined)
    return no(presented.authorization.length === 0 ? 'gateway.token_missing' : 'gateway.scheme')
  const claims = verifyToken(view, token)
  if (!claims.ok) return claims
  const held = standing(view.snapshot, claims.value)
  if (!held.ok) return held
  const { dpop: proofs, method, url } = presented
  const proof = verifyDpop({ proofs, method, url, accessToken: token, now: view.now, replay: ports.replay })
  if (!proof.ok) return proof
  return proof.value.jkt === claims.value.cnf.jkt ? held : no('gateway.key')
}

/** Whether it may still act, as the registry says now; for streams, which outlive the request that opened them. */
export function gatewayStands(
  snapshot: Snapshot,
  { name, links, rev }: { readonly name: string } & Pick<AuthorizedGateway, 'links' | 'rev'>,
): Result<Gateway, Refusal> {
  const operator = snapshot.tenants.get(OPERATOR)
  if (!operator) return no('gateway.removed')
  const fallen = tenantStands(operator)
  if (fallen) return err(fallen)
  const ended = endedBy([...links, link('tenant', OPERATOR)], rev, operator.revocations)
  if (ended) return err(refuse('stale', 'gateway.revoked', SAYS['gateway.revoked'], { link: ended.link }))
  const doc = operator.gateways.get(name)
  return doc ? ok(doc) : no('gateway.removed')
}

/** Whether a gateway's entry names the tenant, and the resource where it names any. */
export function serves(gateway: Gateway, tenant: TenantName, resource?: string): boolean {
  if (!gateway.tenants.includes(tenant)) return false
  return resource === undefined || gateway.resources === undefined || gateway.resources.includes(resource)
}

function readToken(authorization: readonly string[]): string | undefined {
  const [value] = authorization
  return authorization.length === 1 ? /^DPoP +([\w.-]+)$/i.exec(value ?? '')?.[1] : undefined
}

function verifyToken(view: AuthorityView, token: string): Result<GatewayTokenClaims, Refusal> {
  const verified = verifyJwt(token, {
    keys: publishedKeys(view.tenant),
    algorithms: ['ES256'],
    typ: GATEWAY_TYP,
    issuer: view.issuer,
    audience: gatewayAudience(view.ports.origin),
    soleAudience: true,
    now: view.now,
    leeway: 0,
  })
  if (!verified.ok)
    return verified.error.reason === 'jwt.expired' ? no('gateway.token_expired') : no('gateway.token')
  const claims = gatewayTokenSchema.safeParse(verified.value.claims)
  return claims.success ? ok(claims.data) : no('gateway.token')
}

function standing(snapshot: Snapshot, claims: GatewayTokenClaims): Result<AuthorizedGateway, Refusal> {
  const held = { links: claims.lin as Link[], rev: claims.rev as Revision }
  const doc = gatewayStands(snapshot, { ...held, name: claims.sub })
  if (!doc.ok) return doc
  const { ins: instance, cnf, exp } = claims
  return ok({ ...held, gateway: doc.value, instance, jkt: cnf.jkt, expires: exp as EpochSeconds })
}

const KINDS = {
  'gateway.token_missing': 'unauthenticated',
  'gateway.scheme': 'unauthenticated',
  'gateway.token': 'unauthenticated',
  'gateway.token_expired': 'stale',
  'gateway.revoked': 'stale',
  'gateway.removed': 'stale',
  'gateway.key': 'unauthenticated',
} as const satisfies Record<string, RefusalKind>
type Reason = keyof typeof KINDS

const SAYS: Readonly<Record<Reason, string>> = {
  'gateway.token_missing': 'A gateway credential is required.',
  'gateway.scheme': 'The Authorization header must be DPoP with one gateway credential.',
  'gateway.token': 'This is not a gateway credential of this authority.',
  'gateway.token_expired': 'The gateway credential has expired; attest again.',
  'gateway.revoked': 'The gateway, its key or its trust was revoked.',
  'gateway.removed': 'The gateway is no longer registered.',
  'gateway.key': 'The proof was made with another key than the gateway credential is bound to.',
}

function no(reason: Reason): Result<never, Refusal> {
  return err(refuse(KINDS[reason], reason, SAYS[reason]))
}
