import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { allVectors, FILES, isCounted, type Vector, vectorsOf } from '../../../test/wycheproof.ts'
import { ALGORITHMS } from './algorithms.ts'
import { parseJws, verifyJws } from './jws.ts'
import { importJwks, type KeySet } from './key-set.ts'
import { reasonOf } from './refusals.fixture.ts'

const NO_KEYS: KeySet = { byKid: new Map(), withoutKid: [] }
const counted = allVectors().filter(isCounted)
const said = ({ file, id, comment }: Vector) => `${file} ${id} ${comment}`

/** What our door answers to a vector: `ok`, or the reason why not. */
function answerTo({ text, group }: Vector): string {
  const keys = importJwks({ keys: group.public })
  const jws = parseJws(text)
  return jws.ok ? reasonOf(verifyJws(jws.value, keys.ok ? keys.value : NO_KEYS, ALGORITHMS)) : reasonOf(jws)
}

/** What is valid by a key that both sides share, or is no signature at all: we take neither, whoever made it (SECURITY.md). */
const isOfAnotherKind = ({ is, group }: Vector) =>
  is === 'jwe' || group.public.some(({ kty }) => kty === 'oct')

describe('Wycheproof, all vectors of JWS, JWK and JOSE but the eight that contradict their label', () => {
  it.each(Object.entries(FILES))('%s has its %i vectors', (file, count) => {
    expect(vectorsOf(file)).toHaveLength(count)
  })

  it('502 are counted, and 502 are answered as they should be', () => {
    expect(counted).toHaveLength(502)
    const right = counted.filter((vector) => {
      const taken = answerTo(vector) === 'ok'
      return taken === (vector.valid && !isOfAnotherKind(vector))
    })
    expect(counted.filter((vector) => !right.includes(vector)).map(said)).toEqual([])
    expect(right).toHaveLength(502)
  })

  it('486 of them are answered as their label says, and 16 are valid in a way that is never taken here', () => {
    const labelled = counted.filter((vector) => (answerTo(vector) === 'ok') === vector.valid)
    expect(labelled).toHaveLength(486)
    const others = counted.filter((vector) => !labelled.includes(vector))
    expect(others.filter((vector) => vector.is === 'jwe').map(answerTo)).toEqual([
      'jwt.malformed',
      'jwt.malformed',
    ])
    const shared = others.filter((vector) => vector.is === 'jws')
    expect(shared.map(answerTo)).toEqual(Array(shared.length).fill('jwt.alg'))
    // They are sound, so it is the kind of key that is refused and nothing else.
    expect(shared.filter((vector) => !hmacHolds(vector)).map(said)).toEqual([])
  })

  it('takes nothing that is valid only by a key of another', () => {
    const taken = counted.filter((vector) => !vector.valid && answerTo(vector) === 'ok')
    expect(taken.map(said)).toEqual([])
  })
})

function hmacHolds({ text, group }: Vector): boolean {
  const [header = '', payload = '', signature = ''] = text.split('.')
  const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
    alg: string
    kid?: string
  }
  return group.private.some((jwk) => {
    if (jwk['kid'] !== kid && group.private.length > 1) return false
    const hmac = createHmac(`sha${alg.slice(2)}`, Buffer.from(String(jwk['k']), 'base64url'))
    return hmac.update(`${header}.${payload}`).digest('base64url') === signature
  })
}
