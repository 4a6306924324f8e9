import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { uidOf } from '../examples/parts/cluster.ts'

type Claims = Readonly<Record<string, unknown>>
export type Algorithm = 'RS256' | 'ES256'

/** A key pair that signs compact JWTs, synchronously: a run's tokens are made before it. */
export type JwtKey = {
  readonly publicJwk: Claims
  readonly privateJwk: Claims
  readonly sign: (header: Claims, claims: Claims) => string
}

export function newJwtKey(alg: Algorithm): JwtKey {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  const jwkOf = (key: KeyObject) => ({ ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' })
  return {
    publicJwk: jwkOf(publicKey),
    privateJwk: jwkOf(privateKey),
    sign: (header, claims) => {
      const signed = `${part({ alg, kid, ...header })}.${part(claims)}`
      const key = alg === 'RS256' ? privateKey : { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
    },
  }
}

function part(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** An OpenID issuer as far as a relying party sees it: discovery and RS256 keys over HTTP. */
export type Issuer = {
  readonly issuer: string
  readonly sign: (claims: Claims) => string
  readonly close: () => Promise<void>
}

export async function startIssuer(): Promise<Issuer> {
  const key = newJwtKey('RS256')
  const server = createServer((request, response) => {
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/jwks` },
      '/jwks': { keys: [key.publicJwk] },
    }
    const found = documents[request.url ?? '']
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    sign: (claims) => key.sign({ typ: 'JWT' }, { iss: issuer, ...claims }),
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const LIFE = 600
const seconds = () => Math.floor(Date.now() / 1000)

/** A projected service account token, as a Kubernetes cluster writes them. Each is new. */
export function evidenceOf(cluster: Issuer, account: string, pod: string, audience: string): string {
  const [namespace = '', name = ''] = account.split('/')
  const now = seconds()
  return cluster.sign({
    sub: `system:serviceaccount:${namespace}:${name}`,
    aud: [audience],
    iat: now,
    nbf: now,
    exp: now + LIFE,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      node: { name: 'node-1', uid: uidOf('node', 'node-1') },
      pod: { name: pod, uid: uidOf('pod', pod) },
      serviceaccount: { name, uid: uidOf('sa', account) },
    },
  })
}

/** An ID token of a new sign-in. */
export function idTokenOf(idp: Issuer, client: string, user: string): string {
  const now = seconds()
  const sid = randomUUID()
  return idp.sign({ sub: user, aud: client, iat: now, exp: now + LIFE, auth_time: now, sid, nonce: sid })
}

const dpopKey = newJwtKey('ES256')

/** A DPoP proof (RFC 9449 §4.2) by the one instance that the load stands for. Each is new. */
export function proofFor(url: string, accessToken?: string): string {
  const { kty, crv, x, y } = dpopKey.publicJwk
  const ath =
    accessToken === undefined ? {} : { ath: createHash('sha256').update(accessToken).digest('base64url') }
  const claims = { htm: 'POST', htu: url, jti: randomUUID(), iat: seconds(), ...ath }
  return dpopKey.sign({ typ: 'dpop+jwt', kid: undefined, jwk: { kty, crv, x, y } }, claims)
}
