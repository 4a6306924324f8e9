import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../../test/vectors.ts'
import { ALGORITHMS } from './algorithms.ts'
import { parseJws, verifyJws } from './jws.ts'
import { importJwks, type KeySet } from './key-set.ts'

/** Vectors that contradict their own label; why is in the README beside them and in docs/divergences.md. */
const MISLABELLED = new Set([346, 347, 350, 351, 367, 370, 372, 373])

type Jwk = { kty: string; keys?: Jwk[] }
type Vector = { tcId: number; comment: string; jws?: string; result: 'valid' | 'invalid' }
type Group = { comment: string; public?: Jwk; private: Jwk; tests: Vector[] }
type File = { testGroups: Group[] }

function read(name: string): Group[] {
  return (JSON.parse(readFileSync(vectorFile('wycheproof', name), 'utf8')) as File).testGroups
}

const keysOf = (group: Group): Jwk[] => {
  const jwk = group.public ?? group.private
  return jwk.keys ?? [jwk]
}

/** The vectors of HMAC keys: our door takes no HMAC at all, so the valid ones among them are refused too. */
const isSymmetric = (group: Group) => keysOf(group).some((jwk) => jwk.kty === 'oct')

function accepts(group: Group, vector: Vector): boolean {
  const keys = importJwks({ keys: keysOf(group) })
  const jws = parseJws(vector.jws ?? '')
  const set: KeySet = keys.ok ? keys.value : { byKid: new Map(), withoutKid: [] }
  return jws.ok && verifyJws(jws.value, set, ALGORITHMS).ok
}

describe.each([
  ['json_web_signature_test.json', 401],
  ['json_web_key_test.json', 26],
  ['json_web_crypto_test.json', 49],
] as const)('Wycheproof %s', (name, count) => {
  const all = read(name).flatMap((group) =>
    group.tests.filter((vector) => vector.jws !== undefined).map((vector) => ({ group, vector })),
  )
  const cases = all.filter(
    ({ vector }) => name !== 'json_web_signature_test.json' || !MISLABELLED.has(vector.tcId),
  )

  it('is complete', () => {
    expect(all.length).toBe(count)
  })

  it('agrees for every asymmetric key', () => {
    const wrong = cases
      .filter(({ group }) => !isSymmetric(group))
      .filter(({ group, vector }) => accepts(group, vector) !== (vector.result === 'valid'))
    expect(wrong.map(({ vector }) => `${vector.tcId} ${vector.comment} is ${vector.result}`)).toEqual([])
  })

  it('takes nothing that is signed with a shared key', () => {
    const taken = cases.filter(({ group, vector }) => isSymmetric(group) && accepts(group, vector))
    expect(taken.map(({ vector }) => vector.tcId)).toEqual([])
  })
})
