import { createHash } from 'node:crypto'
import { userId } from '../../src/core/identity/user.ts'
import type { AgentId, Revision, TenantName } from '../../src/core/ids.ts'
import type { Link } from '../../src/core/lifecycle/revocation.ts'
import { emptyMap, withEntry } from '../../src/core/persistent-map.ts'
import { type Resource, toolsOf } from '../../src/core/policy/resource.ts'
import { DOCUMENTS, type DocumentKind } from '../../src/core/registry.ts'
import type { TenantSnapshot } from '../../src/core/snapshot.ts'
import { signJws } from '../../src/lib/jose/jws.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { newSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'

export const ORIGIN = 'https://authority.example'
export const GATEWAY = 'https://gateway.example'

type Docs = { readonly [K in DocumentKind]?: readonly object[] }

/** A tenant's snapshot made of documents as people write them, by the same schemas. Policies are left to the code that decides. */
export function fakeTenant(
  name: string,
  docs: Docs = {},
  signing: readonly SigningKey[] = [],
): TenantSnapshot {
  const tenant = name as TenantName
  const read = <K extends DocumentKind>(kind: K) =>
    (docs[kind] ?? []).map((doc) => DOCUMENTS[kind].parse(doc))
  const keyed = <K extends DocumentKind>(kind: K) =>
    new Map(read(kind).map((doc) => [String((doc as Record<string, unknown>)[kind]), doc] as const))
  const home = (ref: string) => (ref.includes('/') ? ref : `${name}/${ref}`) as AgentId
  const idpIssuers = new Map(
    (docs.idp ?? []).map((idp) => [(idp as { idp: string }).idp, (idp as { issuer: string }).issuer]),
  )
  const base = {
    tenant: DOCUMENTS.tenant.parse({ tenant: name, ...docs.tenant?.[0] }),
    keys: new Map(
      signing.map(({ kid, jwk }, at) => [
        kid,
        { key: kid, state: at === 0 ? 'current' : 'next', created: 0, jwk },
      ]),
    ),
    trusts: keyed('trust'),
    idps: keyed('idp'),
    agents: new Map([...keyed('agent')].map(([agent, doc]) => [home(agent), doc])),
    users: new Map(
      (read('user') as { idp: string; sub: string }[]).map((user) => [
        userId(tenant, idpIssuers.get(user.idp) ?? '', user.sub),
        user,
      ]),
    ),
    admissions: new Map([...keyed('admission')].map(([agent, doc]) => [home(agent), doc])),
    gateways: keyed('gateway'),
    resources: new Map(
      [...keyed('resource')].map(([resource, doc]) => [
        resource,
        {
          resource: doc,
          tools: new Map(toolsOf(doc as Resource).map((tool) => [tool.name, tool])),
        },
      ]),
    ),
    delegations: keyed('delegation'),
    credentials: keyed('credential'),
    conditions: new Map(),
    policies: {},
    revocations: emptyMap(),
    facts: new Map(),
    sessionLabels: new Map(),
  }
  return base as unknown as TenantSnapshot
}

export function withRevocation(
  tenant: TenantSnapshot,
  name: string,
  at: number,
  standing = false,
): TenantSnapshot {
  const revocation = { at: at as Revision, standing, reason: 'test' }
  return { ...tenant, revocations: withEntry(tenant.revocations, name as Link, revocation) }
}

/** A DPoP proof (RFC 9449 §4.2) with a key of its own. */
export type Prover = {
  readonly jkt: string
  readonly prove: (over?: Record<string, unknown>, token?: string) => string
}

let proofs = 0
export function fakeProver(now: number, method: string, url: string): Prover {
  const { key, kid, jwk } = newSigningKey()
  const { kty, crv, x, y } = jwk
  return {
    jkt: kid,
    prove: (over = {}, token) => {
      const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
      proofs += 1
      const claims = { jti: `proof-${proofs}`, htm: method, htu: url, iat: now, ...ath, ...over }
      return signProof({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, claims, key)
    },
  }
}

function signProof(header: object, claims: object, key: SigningKey['key']): string {
  return signJws(JSON.stringify(header), JSON.stringify(claims), key, 'ES256')
}

export function signAs(key: SigningKey, typ: string, claims: Record<string, unknown>): string {
  return signJwt(claims, { key: key.key, kid: key.kid, typ })
}
