import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { signJws } from '../../src/lib/jose/jws.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import type { Surface } from './authority.ts'
import { type Caller, callerOf, claimsIn, encode, FORM, given, headerIn } from './caller.ts'
import type { Claims } from './company.ts'
import { type Knocked, knock } from './knock.ts'

/** Every kind of token that goes over a wire here. Each is taken at its own places, and nowhere else. */
export const KINDS = [
  'evidence',
  'gateway evidence',
  'agent token',
  'orders token',
  'warehouse token',
  'facts token',
  'authzen token',
  'ID token',
  'logout token',
  'gateway token',
  'admin token',
  'upstream token',
  'signed metadata',
] as const
export type KindName = (typeof KINDS)[number]

/** A good token of one kind, and the means to make one like it that is not. */
export type Kind = {
  readonly name: KindName
  readonly token: string
  /** Whose key proofs are made with. */
  readonly caller: Caller
  /** The same claims but for some, signed by whoever signs this kind; `undefined` removes a claim or header member. */
  readonly forge: (over?: Claims, header?: Claims, key?: KeyObject) => string
  /** What anyone can read: the public half of the key that signed it. */
  readonly publicKey: KeyObject
  /** An issuer and a key of another tenant, for kinds that tenants sign. */
  readonly foreign?: { readonly issuer: string; readonly key: KeyObject; readonly kid: string }
}

type Signer = { readonly key: KeyObject; readonly publicKey: KeyObject }

function kindOf(
  name: KindName,
  token: string,
  caller: Caller,
  signer: Signer,
  foreign?: Kind['foreign'],
): Kind {
  const alg = headerIn(token)['alg'] === 'RS256' ? 'RS256' : 'ES256'
  const forge: Kind['forge'] = (over = {}, header = {}, key = signer.key) => {
    // Nothing here is single-use by accident: each has a jti of its own.
    const claims = { ...claimsIn(token), jti: randomUUID(), ...over }
    return signJws(JSON.stringify({ ...headerIn(token), ...header }), JSON.stringify(claims), key, alg)
  }
  return { name, token, caller, forge, publicKey: signer.publicKey, ...(foreign ? { foreign } : {}) }
}

/** Makes one good token of each kind, as the parts would: attested, exchanged, signed in. */
export async function goodTokens(surface: Surface): Promise<ReadonlyMap<KindName, Kind>> {
  const [support, pipeline, scanner, edge] = (
    ['support/support', 'data/pipeline', 'security/scanner', 'countersign/gateway'] as const
  ).map((account) => callerOf(surface, account)) as [Caller, Caller, Caller, Caller]
  const own = (tenant: string): Signer => {
    const { key } = surface.keyOf(tenant)
    return { key, publicKey: createPublicKey(key) }
  }
  const other = (tenant: string): Kind['foreign'] => {
    const { key, kid } = surface.keyOf(tenant)
    return { issuer: surface.issuer(tenant), key, kid }
  }
  const { cluster, idp } = surface.company
  const idToken = surface.idToken('a', 'ana')
  const orders = await support.token('a', 'orders', { idToken })
  const facts = await scanner.token('operator', 'facts', { type: 'facts' })
  await reportFact(surface, scanner, facts, 'clean')
  const unknown = newSigningKey().key
  const made = [
    kindOf('evidence', support.evidence, support, cluster),
    kindOf('gateway evidence', edge.evidence, edge, cluster),
    kindOf('agent token', await support.agentToken('a'), support, own('operator'), other('b')),
    kindOf('orders token', orders, support, own('a'), other('b')),
    kindOf(
      'warehouse token',
      await pipeline.token('operator', 'warehouse', { type: 'postgres' }),
      pipeline,
      own('operator'),
      other('b'),
    ),
    kindOf('facts token', facts, scanner, own('operator'), other('b')),
    kindOf(
      'authzen token',
      await support.token('a', 'authzen', { type: 'authzen' }),
      support,
      own('a'),
      other('b'),
    ),
    kindOf('ID token', idToken, support, idp),
    kindOf('logout token', logoutToken(surface), support, idp),
    kindOf('gateway token', await gatewayToken(surface, edge), edge, own('operator'), other('b')),
    // Its key never leaves the process that made it, so what is forged here is signed by another.
    kindOf('admin token', surface.adminToken, support, { key: unknown, publicKey: createPublicKey(unknown) }),
    kindOf('upstream token', upstreamToken(surface, orders), support, own('a'), other('b')),
    kindOf('signed metadata', await signedMetadata(surface), support, own('a'), other('b')),
  ]
  return new Map(made.map((kind) => [kind.name, kind]))
}

/** What the scanner says about the pipeline, without which the warehouse is closed. */
export function reportFact(surface: Surface, scanner: Caller, token: string, says: string): Promise<Knocked> {
  const path = '/t/operator/facts'
  const proof = scanner.prove('POST', surface.origin + path, token)
  const headers = { authorization: `DPoP ${token}`, dpop: proof, 'content-type': 'application/json' }
  const body = JSON.stringify({ subject: 'agent:operator/pipeline', says })
  return knock(surface, 'authority', { method: 'POST', path, headers, body })
}

export function logoutToken(surface: Surface, over: Claims = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const claims = { aud: 'support-a', sub: 'nobody-in-particular', iat, exp: iat + 120, events, ...over }
  return surface.company.idp.sign(claims, { typ: 'logout+jwt' })
}

async function gatewayToken(surface: Surface, edge: Caller): Promise<string> {
  const path = '/gateway/v1/token'
  const headers = { 'content-type': FORM, dpop: edge.prove('POST', surface.origin + path) }
  const body = encode({ evidence: edge.evidence, instance: 'taken' })
  return given(await knock(surface, 'authority', { method: 'POST', path, headers, body }))
}

/** What the tenant says of its decision point, signed by the key that signs its tokens: anybody may read it. */
async function signedMetadata(surface: Surface): Promise<string> {
  const path = '/.well-known/authzen-configuration/t/a'
  const { json } = await knock(surface, 'authority', { method: 'GET', path })
  return String(json['signed_metadata'])
}

/** What the provider `signed-token` mints for the server behind: signed by the tenant, for that server alone, without lineage. */
function upstreamToken(surface: Surface, orders: string): string {
  const { sub, client_id, iat, exp } = claimsIn(orders)
  const { key, kid } = surface.keyOf('a')
  const claims = {
    iss: surface.issuer('a'),
    sub,
    client_id,
    iat,
    exp,
    aud: surface.company.orders,
    jti: randomUUID(),
  }
  return signJws(
    JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid }),
    JSON.stringify({ ...claims, ctx: { customer_id: 'c-42' } }),
    key,
    'ES256',
  )
}
