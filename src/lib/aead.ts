import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const IV = 12
const TAG = 16
/** Characters of a sealed text at most: what is longer was not sealed here. */
const MAX_SEALED = 131_072

/**
 * Encrypts a text for whoever has the key and can state the same context (AES-256-GCM, the context as associated data). Answers
 * base64url: the random nonce of 12 bytes, the ciphertext, the tag. One key may seal 2^32 texts.
 */
export function seal(key: Buffer, context: readonly string[], text: string): string {
  const iv = randomBytes(IV)
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG })
  cipher.setAAD(contextBytes(context))
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  )
}

/** The text, if it was sealed by this key for this very context; undefined for anything else. */
export function unseal(key: Buffer, context: readonly string[], sealed: string): string | undefined {
  if (sealed.length > MAX_SEALED || !/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  // One spelling only: base64url of some lengths leaves bits over.
  if (bytes.length < IV + TAG || bytes.toString('base64url') !== sealed) return undefined
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV), { authTagLength: TAG })
  decipher.setAAD(contextBytes(context))
  decipher.setAuthTag(bytes.subarray(-TAG))
  try {
    const text = decipher.update(bytes.subarray(IV, -TAG))
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    // The one answer of GCM to a wrong key, another context or a changed byte.
    return undefined
  }
}

/** As JSON, so that no two lists of words are the same bytes. */
export function contextBytes(context: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(context), 'utf8')
}

/** A key of 32 bytes for one use, of a root key that is used for nothing else (HKDF-SHA256, RFC 5869). */
export function deriveKey(root: Buffer, use: readonly string[]): Buffer {
  return Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), contextBytes(use), 32))
}
