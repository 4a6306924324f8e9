import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { stringify } from 'yaml'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import type { Surface } from './authority.ts'
import { type Caller, callerOf } from './caller.ts'
import type { Claims } from './company.ts'
import type { Kind, KindName } from './kinds.ts'

/** What a token is asked for: a proof names it, and everything else is the same at every place. */
export type Asked = { readonly method: string; readonly url: string; readonly accessToken?: string }

/** Every kind of token that anything here knows, or signs, or reads. */
export type TokenKind = {
  readonly name: string
  /** Whose key proofs are made with. */
  readonly caller: Caller
  /** A good one, fresh where it works once. */
  readonly token: (asked: Asked) => Promise<string> | string
  /** The attestor whose evidence it is. */
  readonly attestor?: string
}

/** Two workloads that no cluster attests: one by its SPIFFE bundle, one by a standing key. */
export type Workloads = {
  /** Files of a configuration that trusts them. */
  readonly files: Readonly<Record<string, string>>
  readonly svid: (over?: Claims) => string
  readonly assertion: (over?: Claims) => string
}

const soon = () => Math.floor(Date.now() / 1000)

function keyPair(): { readonly key: KeyObject; readonly jwk: Readonly<Record<string, unknown>> } {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key: pair.privateKey,
    jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid: 'w1', alg: 'ES256' },
  }
}

const documents = (...all: readonly object[]) => all.map((document) => stringify(document)).join('---\n')
/** They may work at A too, so that a no of a place is about the token. */
const ADMISSIONS = documents({ admission: 'operator/meshed' }, { admission: 'operator/nightly' })
const AUDIENCE = ['$', '{authority}/t/operator'].join('')

export function workloadsOf(issuer: string): Workloads {
  const [spire, standing] = [keyPair(), keyPair()]
  const agent = (name: string, is: object) => ({
    agent: name,
    kind: 'workforce',
    owner: 'dana@operator.example',
    is,
  })
  const iat = soon()
  return {
    files: {
      'a/more-guests.yaml': ADMISSIONS,
      'operator/spire.yaml': documents(
        {
          trust: 'spire',
          attestor: 'jwt-spiffe',
          trust_domain: 'prod.example',
          audience: AUDIENCE,
          jwks: { keys: [{ ...spire.jwk, use: 'jwt-svid' }] },
        },
        agent('meshed', { trust: 'spire', 'spiffe:id': 'spiffe://prod.example/meshed' }),
      ),
      'operator/standing.yaml': documents(
        {
          trust: 'nightly-key',
          attestor: 'private-key-jwt',
          client_id: 'nightly',
          audience: AUDIENCE,
          jwks: { keys: [standing.jwk] },
        },
        agent('nightly', { trust: 'nightly-key', 'private-key-jwt:client': 'nightly' }),
      ),
    },
    svid: (over = {}) =>
      signJwt(
        { sub: 'spiffe://prod.example/meshed', aud: [issuer], iat, exp: iat + 600, ...over },
        { key: spire.key, kid: 'w1', typ: 'JWT' },
      ),
    assertion: (over = {}) =>
      signJwt(
        {
          iss: 'nightly',
          sub: 'nightly',
          aud: issuer,
          iat: soon(),
          exp: soon() + 120,
          jti: randomUUID(),
          ...over,
        },
        { key: standing.key, kid: 'w1', typ: 'client-authentication+jwt' },
      ),
  }
}

/** All of them, each good: whatever a place then says to one, it says to its kind. */
export async function tokenKindsOf(
  surface: Surface,
  kinds: ReadonlyMap<KindName, Kind>,
  workloads: Workloads,
): Promise<readonly TokenKind[]> {
  const [{ caller: support }] = [...kinds.values()] as [Kind]
  const home = await support.agentToken('operator')
  const checkpoint = await surface.admin.audit('a', { limit: '1' }).then(() => checkpointOf(surface, 'a'))
  return [
    ...[...kinds.values()].map(({ name, token, caller }): TokenKind => {
      return { name, caller, token: () => token, ...(name === 'evidence' ? { attestor: 'oidc-token' } : {}) }
    }),
    { name: 'agent token for its home', caller: support, token: () => home },
    {
      name: 'SVID',
      caller: callerOf(surface, 'data/pipeline'),
      token: () => workloads.svid(),
      attestor: 'jwt-spiffe',
    },
    {
      name: 'client assertion',
      caller: callerOf(surface, 'data/pipeline'),
      token: () => workloads.assertion(),
      attestor: 'private-key-jwt',
    },
    {
      name: "administrator's ID token",
      caller: support,
      token: () => surface.idToken('a', 'ana', { aud: 'countersign-admin' }),
    },
    {
      // For a client that proves itself, at a tenant that takes them: here none does.
      name: 'ID-JAG',
      caller: support,
      token: () => surface.idToken('a', 'ana', idJagClaims(surface), { typ: 'oauth-id-jag+jwt' }),
    },
    {
      name: 'DPoP proof',
      caller: support,
      token: ({ method, url, accessToken }) => support.prove(method, url, accessToken),
    },
    { name: 'checkpoint of the log', caller: support, token: () => checkpoint },
  ]
}

function idJagClaims(surface: Surface): Claims {
  return { aud: surface.issuer('a'), client_id: 'operator/support', resource: surface.uri('a', 'orders') }
}

/** A signed note has line breaks, which no header field can hold: they go as spaces. */
async function checkpointOf(surface: Surface, tenant: string): Promise<string> {
  const headers = { authorization: `Bearer ${surface.adminToken}` }
  const answer = await fetch(`${surface.origin}/admin/v1/t/${tenant}/checkpoint`, { headers })
  const text = await answer.text()
  if (!answer.ok || !text.includes('surface.example/log')) throw new Error(`no checkpoint: ${text}`)
  return text.replaceAll('\n', ' ').replaceAll('—', '-').trim()
}
