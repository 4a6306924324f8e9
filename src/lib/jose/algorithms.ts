import { constants } from 'node:crypto'

/** Every signature algorithm we verify. No HMAC: a shared key proves nothing about who signed. No `none`. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

type Recipe = {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  /** Node's digest name; null where the scheme hashes by itself. */
  readonly digest: string | null
  readonly curve?: string
  /** Length of a signature in bytes where it is fixed (RFC 7518 §3.4, RFC 8037 §3.1). */
  readonly length?: number
  /** Whether its signatures are made and read as DER and spelled as JOSE by us (`ecdsa-signature.ts`). */
  readonly der?: true
  readonly options: {
    readonly padding?: number
    readonly saltLength?: number
    readonly dsaEncoding?: 'ieee-p1363'
  }
}

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING }
const pss = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
const p1363 = { dsaEncoding: 'ieee-p1363' } as const

export const RECIPES: Readonly<Record<Algorithm, Recipe>> = {
  RS256: { kty: 'RSA', digest: 'sha256', options: pkcs1 },
  RS384: { kty: 'RSA', digest: 'sha384', options: pkcs1 },
  RS512: { kty: 'RSA', digest: 'sha512', options: pkcs1 },
  PS256: { kty: 'RSA', digest: 'sha256', options: pss(32) },
  PS384: { kty: 'RSA', digest: 'sha384', options: pss(48) },
  PS512: { kty: 'RSA', digest: 'sha512', options: pss(64) },
  ES256: { kty: 'EC', curve: 'P-256', digest: 'sha256', length: 64, der: true, options: {} },
  ES384: { kty: 'EC', curve: 'P-384', digest: 'sha384', length: 96, der: true, options: {} },
  ES512: { kty: 'EC', curve: 'P-521', digest: 'sha512', length: 132, options: p1363 },
  Ed25519: { kty: 'OKP', curve: 'Ed25519', digest: null, length: 64, options: {} },
}

/** The algorithm of a header or a JWK; `EdDSA` is the older name of `Ed25519` here (RFC 9864 §2.2). Case matters. */
export function algorithmNamed(name: unknown): Algorithm | undefined {
  if (name === 'EdDSA') return 'Ed25519'
  return ALGORITHMS.find((algorithm) => algorithm === name)
}
