import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Unavailable } from '../core/refusal.ts'

/** A signing key and its public half. */
export type KeyPair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject }

/**
 * Reads a PKCS #8 key that only its owner may read, or makes it. Two processes that start at once get the same one: it is written
 * whole under another name and linked into place, which fails for the second. Throws `Unavailable` `keys.open_file` for a file that
 * others may read, `keys.unreadable` for one that holds no key of this kind: a key is never replaced by itself.
 */
export async function keyFile(path: string, kind: 'ed25519'): Promise<KeyPair> {
  const pem = () => generateKeyPairSync(kind).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const privateKey = parseKey(path, await secretFile(path, pem), kind)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** Reads a text that only its owner may read, or makes it; as `keyFile`, whatever the text is. */
export async function secretFile(path: string, make: () => string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return (await readSecret(path)) ?? (await makeKey(path, make()))
}

/** Reads a text that only its owner may read; nothing where there is no such file. Throws `Unavailable` `keys.open_file`. */
export async function readSecret(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(onlyMissing)
  if (!found) return undefined
  if ((found.mode & 0o077) !== 0)
    throw new Unavailable('keys.open_file', `${path} may be read by others; it must be 0600`)
  return readFile(path, 'utf8')
}

function onlyMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** What OpenSSL says of the text is left out: it stands in a file of secrets. */
function parseKey(path: string, text: string, kind: 'ed25519'): KeyObject {
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === kind) return key
  } catch {
    // The same answer as for a key of another kind.
  }
  throw new Unavailable('keys.unreadable', `${path} holds no ${kind} key in PKCS #8`)
}

async function makeKey(path: string, text: string): Promise<string> {
  // Not named by the process id: in a container that is always the same, and a start that was killed here would stop every later one.
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(fresh)
  return readFile(path, 'utf8')
}
