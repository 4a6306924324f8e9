import { FlattenedEncrypt, flattenedDecrypt } from 'jose'
import { contextBytes } from './aead.ts'
import { bad, good, type Outcome } from './outcome.ts'
import { isJsonObject, parseStrictJsonText } from './strict-json.ts'

/** A symmetric key of 32 bytes, and the name under which what it sealed is found again. */
export type SealingKey = { readonly kid: string; readonly secret: Uint8Array }

const ALGORITHM = { alg: 'A256GCMKW', enc: 'A256GCM' } as const
const MOST = 256 * 1024

/**
 * Seals a text: a JWE (RFC 7516) whose own random key is wrapped by ours (RFC 7518 §4.7). `context` says what and whose it is; it is
 * authenticated and not stored, so what is sealed opens only where the same context is said again.
 */
export async function seal(key: SealingKey, context: readonly string[], text: string): Promise<string> {
  const sealed = await new FlattenedEncrypt(Buffer.from(text, 'utf8'))
    .setProtectedHeader({ ...ALGORITHM, kid: key.kid })
    .setAdditionalAuthenticatedData(contextBytes(context))
    .encrypt(key.secret)
  const { aad: _said, ...stored } = sealed
  return JSON.stringify(stored)
}

/**
 * Opens what `seal` made. Reasons: `sealing.no_key` (none of the keys is the one that sealed it), `sealing.broken` (it was changed, or
 * is not what the context says).
 */
export async function unseal(
  keyOf: (kid: string) => SealingKey | undefined,
  context: readonly string[],
  sealed: string,
): Promise<Outcome<string>> {
  const jwe = parseStrictJsonText(sealed)
  if (!isJsonObject(jwe) || sealed.length > MOST) return BROKEN
  const given = contextBytes(context)
  let missing = false
  try {
    const opened = await flattenedDecrypt(
      { ...jwe, aad: Buffer.from(given).toString('base64url') } as Parameters<typeof flattenedDecrypt>[0],
      (header) => {
        const key = keyOf(String(header?.kid))
        missing = key === undefined
        if (key) return key.secret
        throw new Error('no such key')
      },
      { keyManagementAlgorithms: [ALGORITHM.alg], contentEncryptionAlgorithms: [ALGORITHM.enc] },
    )
    return good(Buffer.from(opened.plaintext).toString('utf8'))
  } catch {
    // Why it does not open is nobody's to learn: wrong context and changed bytes look alike.
    return missing ? NO_KEY : BROKEN
  }
}

const NO_KEY = bad(
  'denied',
  'sealing.no_key',
  'What is kept here was sealed under a key that this authority does not have. Give it that key back, or let it be connected anew.',
)
const BROKEN = bad(
  'denied',
  'sealing.broken',
  'What is kept here was changed, or belongs to somebody else, and is not used. It must be connected anew.',
)
