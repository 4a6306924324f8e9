import { TOKEN_TYP } from '../core/identity/access-token.ts'
import type { Gateway } from '../core/identity/gateway.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { TokenId } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import { type AuthorityView, requireSigner } from './authority.ts'
import type { Caller } from './caller.ts'
import { rowFor, sessionOf } from './open-session.ts'
import type { IssuedToken, TokenTarget } from './token-ask.ts'

/** Seconds a gateway's credential lives (ARCHITECTURE §1). */
const LIFE = 3600

/** `aud` of gateways' credentials: the authority's own API for them. */
export function gatewayAudience(origin: string): string {
  return `${origin}/gateway`
}

/** A credential for a listed gateway, at the operator's issuer only. Its entry in the registry is its permission; `sub` is `gateway:<name>`. */
export async function issueGatewayToken(
  view: AuthorityView,
  caller: Caller,
  gateway: Gateway,
  target: TokenTarget,
): Promise<Result<IssuedToken, Refusal>> {
  const { jkt, workload, links: proven, rev } = caller
  if (view.name !== OPERATOR || target.resource !== gatewayAudience(view.ports.origin)) {
    return err(refuse('unknown', 'resource.unknown', 'There is no such resource for this gateway.'))
  }
  if (jkt === undefined)
    return err(refuse('unauthenticated', 'dpop.missing', 'A gateway proves its key (RFC 9449).'))
  const signer = requireSigner(view)
  const session = sessionOf(view.name, workload, { login: '' }, view.now)
  const links = [...proven, link('session', session.id)]
  const exp = Math.min(view.now + LIFE, caller.expires)
  const jti = view.ports.newId('token') as TokenId
  const row = rowFor(view, { session, caller: workload.id, links })
  const event = {
    tenant: view.name,
    at: view.at,
    kind: 'gateway',
    outcome: 'allow',
    reason: 'gateway.credential',
    token: jti,
    session: session.id,
  } as const
  await view.ports.store.commit({
    events: [{ ...event, facts: { gateway: gateway.gateway, expires: exp } }],
    ...(row ? { session: row } : {}),
  })
  view.ports.memory.sessions.set(session.id, true)
  const claims = {
    iss: view.issuer,
    sub: workload.id,
    aud: target.resource,
    client_id: workload.id,
    iat: view.now,
    exp,
    jti,
    sid: session.id,
    rev,
    lin: links,
    chn: [workload.id],
    prf: caller.proof,
    cnf: { jkt },
  }
  const token = signJwt(claims, { key: signer.key, kid: signer.kid, typ: TOKEN_TYP.access })
  return ok({ token, issuedType: 'access_token', tokenType: 'DPoP', expiresIn: exp - view.now })
}
