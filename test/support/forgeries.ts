import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import { claimsIn, headerIn } from './caller.ts'
import type { Kind, KindName } from './kinds.ts'

/** A way to make a token that is not good of one that is; nothing where it doesn't apply to the kind. */
export type Forgery = {
  readonly name: string
  readonly make: (kind: Kind, now: number) => string | undefined
}

/** Kinds that this authority signs: exactly one type, issuer and audience, and no leeway for its own clock. */
const OWN: ReadonlySet<KindName> = new Set([
  'agent token',
  'orders token',
  'warehouse token',
  'facts token',
  'authzen token',
  'gateway token',
])
const SOLE_AUDIENCE: ReadonlySet<KindName> = new Set(['agent token', 'gateway token'])
const own =
  (make: Forgery['make']): Forgery['make'] =>
  (kind, now) =>
    OWN.has(kind.name) ? make(kind, now) : undefined

const b64 = (text: string) => Buffer.from(text).toString('base64url')
const otherEc = newSigningKey().key
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const otherKey = ({ token }: Kind): KeyObject => (headerIn(token)['alg'] === 'RS256' ? otherRsa : otherEc)

const parts = (token: string): readonly [string, string, string] => {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return [header, payload, signature]
}

function hmac(kind: Kind, secret: string | Buffer): string {
  const signed = `${b64(JSON.stringify({ ...headerIn(kind.token), alg: 'HS256' }))}.${parts(kind.token)[1]}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

function unsigned(kind: Kind, alg: string, signature: string): string {
  return `${b64(JSON.stringify({ ...headerIn(kind.token), alg }))}.${parts(kind.token)[1]}.${signature}`
}

/** Who it is for, from whom, until when. */
const SAYING: readonly Forgery[] = [
  { name: 'of another issuer', make: (kind) => kind.forge({ iss: 'https://elsewhere.example' }) },
  { name: 'of no issuer', make: (kind) => kind.forge({ iss: undefined }) },
  { name: 'for another audience', make: (kind) => kind.forge({ aud: 'https://elsewhere.example' }) },
  { name: 'for nobody', make: (kind) => kind.forge({ aud: undefined }) },
  {
    name: 'for somebody else too',
    make: (kind) =>
      SOLE_AUDIENCE.has(kind.name)
        ? kind.forge({ aud: [claimsIn(kind.token)['aud'], 'https://elsewhere.example'] })
        : undefined,
  },
  { name: 'of another tenant', make: ofAnotherTenant },
  {
    name: "of another tenant's key",
    make: ({ forge, foreign }) => foreign && forge({}, { kid: foreign.kid }, foreign.key),
  },
  { name: 'that has expired', make: (kind, now) => kind.forge({ iat: now - 300, exp: now - 60 }) },
  { name: 'that ended a second ago', make: own((kind, now) => kind.forge({ exp: now - 1 })) },
  { name: 'without an end', make: (kind) => kind.forge({ exp: undefined }) },
  {
    name: 'from the future',
    make: (kind, now) => kind.forge({ iat: now + 300, exp: now + 400 }),
  },
  { name: 'that is not good yet', make: (kind, now) => kind.forge({ nbf: now + 300 }) },
  { name: 'whose times are texts', make: (kind, now) => kind.forge({ exp: String(now + 60) }) },
  { name: 'of another type', make: (kind) => kind.forge({}, { typ: 'dpop+jwt' }) },
  { name: 'that says it is any JWT', make: own((kind) => kind.forge({}, { typ: 'JWT' })) },
  { name: 'without a type', make: own((kind) => kind.forge({}, { typ: undefined })) },
]

function ofAnotherTenant({ name, forge, foreign, token }: Kind): string | undefined {
  if (foreign) return forge({ iss: foreign.issuer }, { kid: foreign.kid }, foreign.key)
  const { aud } = claimsIn(token)
  if (name === 'evidence' || name === 'gateway evidence')
    return forge({ aud: String(aud).replace('/t/operator', '/t/a') })
  return aud === 'support-a' ? forge({ aud: 'support-b' }) : undefined
}

/** Who signed it, and by what. */
const SIGNING: readonly Forgery[] = [
  { name: 'signed by another key', make: (kind) => kind.forge({}, {}, otherKey(kind)) },
  { name: 'with a key of its own in the header', make: withOwnKey },
  {
    name: 'with a key identifier that is a path',
    make: (kind) => kind.forge({}, { kid: '../../k1' }, otherKey(kind)),
  },
  { name: 'with alg none and no signature', make: (kind) => unsigned(kind, 'none', '') },
  { name: 'with alg none and some signature', make: (kind) => unsigned(kind, 'none', 'AAAA') },
  { name: 'with alg nOnE', make: (kind) => unsigned(kind, 'nOnE', parts(kind.token)[2]) },
  {
    name: 'signed with the public key as a shared secret (PEM)',
    make: (kind) => hmac(kind, kind.publicKey.export({ type: 'spki', format: 'pem' })),
  },
  {
    name: 'signed with the public key as a shared secret (DER)',
    make: (kind) => hmac(kind, kind.publicKey.export({ type: 'spki', format: 'der' })),
  },
  { name: 'signed with an empty secret', make: (kind) => hmac(kind, '') },
  {
    name: 'with a signature of zeros',
    make: ({ token }) => withSignature(token, 'A'.repeat(parts(token)[2].length)),
  },
  { name: 'with no signature', make: ({ token }) => withSignature(token, '') },
  { name: 'with a claim that was changed', make: (kind) => changed(kind) },
  { name: 'with an extension that must be understood', make: (kind) => kind.forge({}, { crit: ['exp'] }) },
  { name: 'that is compressed', make: (kind) => kind.forge({}, { zip: 'DEF' }) },
]

function withOwnKey(kind: Kind): string {
  const jwk = newSigningKey()
  return kind.forge({}, { alg: headerIn(kind.token)['alg'], jwk: jwk.jwk, kid: jwk.kid }, otherKey(kind))
}

function withSignature(token: string, signature: string): string {
  const [header, payload] = parts(token)
  return `${header}.${payload}.${signature}`
}

function changed({ token }: Kind): string {
  const [header, , signature] = parts(token)
  return `${header}.${b64(JSON.stringify({ ...claimsIn(token), sub: 'operator/somebody' }))}.${signature}`
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The same bytes in other characters: a library that reads them would let one token have many names. */
const SPELLING: readonly Forgery[] = [
  { name: 'with padding', make: ({ token }) => `${token}==` },
  { name: 'with unused bits that are set', make: ({ token }) => unusedBits(token) },
  { name: 'with a space in it', make: ({ token }) => token.replace('.', '. ') },
  { name: 'with a tab in it', make: ({ token }) => token.replace('.', '\t.') },
  { name: 'in the other base64 alphabet', make: ({ token }) => standard(token) },
  { name: 'with an empty part at its end', make: ({ token }) => `${token}.` },
  { name: 'of five parts', make: ({ token }) => `${token}.AAAA.AAAA` },
  { name: 'with a percent escape', make: ({ token }) => `%65${token.slice(1)}` },
  { name: 'with a member twice in its header', make: (kind) => twice(kind) },
  { name: 'as JSON', make: ({ token }) => asJson(token) },
  { name: 'that is twice itself', make: ({ token }) => `${token},${token}` },
  { name: 'that is longer than is read', make: ({ token }) => `${token}${'A'.repeat(8_000)}` },
]

function unusedBits(token: string): string {
  const last = ALPHABET.indexOf(token.at(-1) ?? '')
  return token.slice(0, -1) + ALPHABET.charAt(last ^ 1)
}

function standard(token: string): string | undefined {
  const text = token.replaceAll('-', '+').replaceAll('_', '/')
  return text === token ? undefined : text
}

function twice(kind: Kind): string {
  const [, payload, signature] = parts(kind.token)
  const text = JSON.stringify(headerIn(kind.token)).replace('{', '{"typ":"at+jwt",')
  return `${b64(text)}.${payload}.${signature}`
}

function asJson(token: string): string {
  const [header, payload, signature] = parts(token)
  return JSON.stringify({ protected: header, payload, signature })
}

const GARBAGE: readonly Forgery[] = ['x', '..', 'a.b.c', 'null', '{}', `${'A'.repeat(200)}.B.C`].map(
  (text) => ({
    name: `that is ${text.slice(0, 20)}`,
    make: () => text,
  }),
)

export const FORGERIES: readonly Forgery[] = [...SAYING, ...SIGNING, ...SPELLING, ...GARBAGE]

/** The few that every route is tried with, whatever else stands before it. */
export const STRANGERS: readonly Forgery[] = FORGERIES.filter(({ name }) =>
  [
    'that is x',
    'that has expired',
    'of another tenant',
    'of another type',
    'of another issuer',
    'signed by another key',
    'with alg none and no signature',
    'with alg none and some signature',
    'signed with the public key as a shared secret (PEM)',
  ].includes(name),
)
