import { createHmac, createPrivateKey, randomUUID, type webcrypto } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type Algorithm, algorithmNamed } from '../../src/lib/jose/algorithms.ts'
import { signJws } from '../../src/lib/jose/jws.ts'
import { type Surface, startSurface } from '../support/authority.ts'
import { type Caller, callerOf, type Form, JWT_BEARER } from '../support/caller.ts'
import { type Knocked, reasonOf } from '../support/knock.ts'
import { documentedReasons } from '../surface/reason-codes.ts'
import { allVectors, type Group, type Jwk, type Vector } from '../wycheproof.ts'

/**
 * The same vectors as a client assertion (RFC 7523 §2.2). For each group of keys there is an agent that is known by exactly those keys, so
 * that a vector is refused for what it is, not because nobody knows its key.
 */
const vectors = allVectors().filter(({ is }) => is === 'jws')
const groups = [...new Map(vectors.map(({ group }) => [group.name, group])).values()]
const AUDIENCE = '$' + '{authority}/t/operator'
/** What this attestor takes (docs/plugins/attestor-private-key-jwt.md). */
const TAKEN: readonly Algorithm[] = ['ES256', 'Ed25519', 'PS256', 'RS256']

let surface: Surface
let caller: Caller
beforeAll(async () => {
  surface = await startSurface()
  caller = callerOf(surface, 'data/pipeline')
  await surface.apply(
    {},
    Object.fromEntries(groups.map((group) => [`operator/${group.name}.yaml`, agentOf(group)])),
  )
})
afterAll(() => surface?.close())

function agentOf({ name, public: keys }: Group): string {
  const trust = {
    trust: name,
    attestor: 'private-key-jwt',
    client_id: name,
    audience: AUDIENCE,
    jwks: { keys },
  }
  const agent = {
    agent: name,
    kind: 'workforce',
    owner: 'dana@operator.example',
    is: { trust: name, 'private-key-jwt:client': name },
  }
  return [trust, agent].map((document) => stringify(document)).join('---\n')
}

function ask(assertion: string): Promise<Knocked> {
  const form: Form = {
    grant_type: 'client_credentials',
    client_assertion: assertion,
    client_assertion_type: JWT_BEARER,
    resource: surface.uri('operator', 'warehouse', 'postgres'),
  }
  return caller.ask('operator', form)
}

const known = new Set(documentedReasons().map(({ code }) => code))

/** A client that was not believed is answered by RFC 6749 §5.2, with a documented reason; nothing else will do. */
function wrongAnswer(answer: Knocked): string | undefined {
  const { status, json, text } = answer
  const reason = reasonOf(answer)
  const right =
    [400, 401].includes(status) && ['invalid_client', 'invalid_request'].includes(String(json['error']))
  return right && reason !== undefined && known.has(reason) ? undefined : `${status} ${text.slice(0, 200)}`
}

async function wronglyAnswered(make: (vector: Vector) => string): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const vector of vectors) {
    const problem = wrongAnswer(await ask(make(vector)))
    if (problem) wrong.push(`${vector.file} ${vector.id} ${vector.comment}: ${problem}`)
  }
  return wrong
}

/** Claims that are good for the agent of these keys. */
function claimsFor({ name }: Group): string {
  const iat = Math.floor(Date.now() / 1000)
  return JSON.stringify({
    iss: name,
    sub: name,
    aud: surface.issuer('operator'),
    iat,
    exp: iat + 60,
    jti: randomUUID(),
  })
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

describe('Wycheproof at the token endpoint, as a client assertion', () => {
  test('all 476 signed vectors are tried', () => {
    expect(vectors).toHaveLength(401 + 26 + 49)
  })

  test('none is taken as it is: none says who it is for', async () => {
    expect(await wronglyAnswered(({ text }) => text)).toEqual([])
  })

  test('none is taken with good claims under its own header and signature', async () => {
    const transplanted = ({ text, group }: Vector) => {
      const parts = text.split('.')
      return [parts[0], encode(claimsFor(group)), ...parts.slice(2)].join('.')
    }
    expect(await wronglyAnswered(transplanted)).toEqual([])
  })

  test('an assertion made with a key of theirs is taken exactly where a label says that the key is good', async () => {
    const made = groups.flatMap((group) => assertionsOf(group).map((assertion) => ({ group, assertion })))
    const taken: string[] = []
    for (const { group, assertion } of made) {
      const answer = await ask(assertion)
      // Known, and permitted nothing: the answer of a policy, not of the door.
      if (reasonOf(answer) === 'agent.no_permit') taken.push(group.name)
      else expect([group.name, wrongAnswer(answer)]).toEqual([group.name, undefined])
    }
    expect(made.length).toBeGreaterThan(groups.length / 2)
    expect(taken).toEqual(groups.filter(isGood).map(({ name }) => name))
    expect(taken).toHaveLength(12)
  })

  test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
})

/** Whether a vector is called valid by the group's keys, and they are for an algorithm that is taken for client assertions. */
function isGood({ name, public: keys }: Group): boolean {
  const isTaken = keys.some(({ alg }) => TAKEN.some((each) => each === alg))
  return isTaken && vectors.some(({ group, valid }) => group.name === name && valid)
}

/** A good assertion for each key of the group that can sign at all; a shared key signs by HMAC. */
function assertionsOf(group: Group): readonly string[] {
  return group.private.flatMap((jwk) => {
    const payload = claimsFor(group)
    if (jwk.kty === 'oct') return [byHmac(jwk, payload)]
    const alg = algorithmNamed(jwk['alg']) ?? (jwk.kty === 'RSA' ? 'RS256' : 'ES256')
    try {
      const key = createPrivateKey({ key: jwk as webcrypto.JsonWebKey, format: 'jwk' })
      return [signJws(JSON.stringify({ alg, kid: jwk['kid'] }), payload, key, alg)]
    } catch {
      // No point of its curve, no private half, or no room for the padding: nobody can sign with it.
      return []
    }
  })
}

function byHmac(jwk: Jwk, payload: string): string {
  const alg = String(jwk['alg']).startsWith('HS') ? String(jwk['alg']) : 'HS256'
  const signed = `${encode(JSON.stringify({ alg, kid: jwk['kid'] }))}.${encode(payload)}`
  const hmac = createHmac(`sha${alg.slice(2)}`, Buffer.from(String(jwk['k']), 'base64url'))
  return `${signed}.${hmac.update(signed).digest('base64url')}`
}
