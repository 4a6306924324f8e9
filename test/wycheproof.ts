import { readFileSync } from 'node:fs'
import { vectorFile } from './vectors.ts'

/** A JWK as the vectors write it, or a set of them. */
export type Jwk = Readonly<Record<string, unknown>> & { readonly kty: string; readonly keys?: readonly Jwk[] }

/** One vector: what is read, by which keys, and what its label says of it. */
export type Vector = {
  readonly file: string
  readonly id: number
  readonly comment: string
  /** A compact JWS, a compact JWE, or the text of a JWE in JSON. */
  readonly text: string
  readonly is: 'jws' | 'jwe'
  readonly group: Group
  readonly valid: boolean
}

export type Group = {
  readonly name: string
  readonly public: readonly Jwk[]
  readonly private: readonly Jwk[]
}

type Written = {
  readonly testGroups: readonly {
    readonly comment: string
    readonly public?: Jwk
    readonly private: Jwk
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly jws?: unknown
      readonly jwe?: unknown
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

/** Every file that is read, with how many vectors it has: 510 in all. */
export const FILES = {
  'json_web_signature_test.json': 401,
  'json_web_key_test.json': 26,
  'json_web_crypto_test.json': 83,
} as const

/** Vectors of the signature file that contradict their own label; why is in docs/divergences.md. */
export const MISLABELLED: ReadonlySet<number> = new Set([346, 347, 350, 351, 367, 370, 372, 373])

export const isCounted = ({ file, id }: Vector): boolean =>
  file !== 'json_web_signature_test.json' || !MISLABELLED.has(id)

export function vectorsOf(file: string): readonly Vector[] {
  const written = JSON.parse(readFileSync(vectorFile('wycheproof', file), 'utf8')) as Written
  return written.testGroups.flatMap((group, at) => {
    const keys = (jwk: Jwk) => jwk.keys ?? [jwk]
    const name = `${file.replace(/^json_web_|_test\.json$/g, '')}-${at}`
    const read = { name, public: keys(group.public ?? group.private), private: keys(group.private) }
    return group.tests.map(({ tcId, comment, jws, jwe, result }): Vector => {
      const text = jws ?? jwe
      return {
        file,
        id: tcId,
        comment,
        text: typeof text === 'string' ? text : JSON.stringify(text),
        is: jws === undefined ? 'jwe' : 'jws',
        group: read,
        valid: result === 'valid',
      }
    })
  })
}

/** All of them, in the order of the files. */
export function allVectors(): readonly Vector[] {
  return Object.keys(FILES).flatMap(vectorsOf)
}
