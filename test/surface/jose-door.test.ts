import { describe, expect, test } from 'vitest'
import { sourceTexts } from './reason-codes.ts'

const texts = [...sourceTexts()]
const using = (what: RegExp) => texts.filter(([, text]) => what.test(text)).map(([file]) => file)

/** What a file imports by name from a module, types left out. */
function namesFrom(module: string): ReadonlyMap<string, readonly string[]> {
  const form = new RegExp(`import \\{([^}]*)\\} from '${module}'`, 'g')
  const found = texts.map(([file, text]) => {
    const names = [...text.matchAll(form)].flatMap((match) => (match[1] ?? '').split(','))
    return [
      file,
      names.map((name) => name.trim()).filter((name) => name !== '' && !name.startsWith('type ')),
    ] as const
  })
  return new Map(found.filter(([, names]) => names.length > 0))
}

describe('all JOSE from outside goes through one door', () => {
  test('the library that could read it another way only signs, in the SDK, and seals what is ours', () => {
    expect([...namesFrom('jose')]).toEqual([
      ['src/lib/sealed.ts', ['FlattenedEncrypt', 'flattenedDecrypt']],
      ['src/sdk/agent.ts', ['exportJWK', 'generateKeyPair', 'SignJWT']],
    ])
    expect(
      using(/\bfrom 'jose|\bimport\('jose|'(?:jsonwebtoken|jws|fast-jwt|node-jose|jwt-decode)'/),
    ).toEqual(['src/lib/sealed.ts', 'src/sdk/agent.ts'])
  })

  test('signatures are checked there, and those of signed notes where notes are read', () => {
    const checking = [...namesFrom('node:crypto')].filter(([, names]) =>
      names.some((name) => /^(?:verify|createVerify|webcrypto|subtle)$/.test(name)),
    )
    expect(checking.map(([file]) => file)).toEqual(['src/core/audit/signed-note.ts', 'src/lib/jose/jws.ts'])
    expect(using(/import (?:\* as )?\w+ from '(?:node:)?crypto'|crypto\.subtle/)).toEqual([])
  })

  test('public keys are read there, and from our own files and notes', () => {
    const reading = [...namesFrom('node:crypto')].filter(([, names]) => names.includes('createPublicKey'))
    expect(reading.map(([file]) => file)).toEqual([
      'src/core/audit/signed-note.ts',
      'src/lib/jose/public-key.ts',
      'src/lib/jose/signing-key.ts',
      'src/server/key-file.ts',
    ])
  })

  test('base64url is decoded there, and where our own digests and salts are', () => {
    expect(
      using(/from\([^()]*(?:\([^()]*\)[^()]*)*'base64url'\)|\batob\(|fromBase64\(/).filter(
        (file) => !OWN.has(file),
      ),
    ).toEqual(['src/lib/jose/jws.ts', 'src/lib/jose/public-key.ts'])
  })

  test('nothing else takes a token apart at its dots', () => {
    // Policies know addresses and attributes that have dots, and no tokens.
    const splitting = using(/\.(?:split|indexOf|lastIndexOf)\('\.'|split\(\/\[?\\?\.\]?\//)
    expect(splitting.filter((file) => !file.startsWith('src/core/policy/'))).toEqual([
      'src/credentials/postgres-role/inspect.ts',
      'src/credentials/postgres-role/role-sql.ts',
      // Tickets are sealed with our own key, and are no tokens.
      'src/flows/issue-ticket.ts',
      'src/lib/jose/jws.ts',
      'src/stores/postgres/embedded/cluster.ts',
    ])
  })

  test('a token without a type is taken only where issuers of others write none', () => {
    expect(using(/typOptional: true/)).toEqual([
      'src/attestors/jwt-spiffe/attestor.ts',
      'src/attestors/oidc-token/attestor.ts',
      'src/flows/log-out-user.ts',
      'src/flows/verify-user-token.ts',
      'src/lib/jose/client-assertion.ts',
      'src/protocols/admin/admin-token.ts',
    ])
  })

  test('what a token says is read unverified only to choose whom to ask, or to say whose it seems', () => {
    expect(using(/\bunverifiedClaims\(/)).toEqual([
      'src/attestors/registry.ts',
      'src/flows/authenticate-client.ts',
      'src/flows/present-token.ts',
      'src/flows/refused-token.ts',
      'src/flows/verify-access-token.ts',
      'src/flows/verify-id-jag.ts',
      'src/flows/verify-user-token.ts',
      'src/lib/jose/client-assertion.ts',
      'src/lib/jose/jwt.ts',
    ])
  })
})

/** Digests, salts, notes and tickets that we wrote ourselves, and the keys that seal them. */
const OWN = new Set([
  'src/core/audit/commitment.ts',
  'src/core/audit/signed-note.ts',
  'src/flows/issue-ticket.ts',
  'src/lib/aead.ts',
  'src/lib/record-chain.ts',
  'src/server/ticket-keys.ts',
])
