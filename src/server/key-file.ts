import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Unavailable } from '../core/refusal.ts'

export type KeyPair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject }

/**
 * Reads a PKCS #8 key that only its owner may read, or makes it. Two processes that start at once get the same one: it is written
 * whole under another name and linked into place, which fails for the second.
 */
export async function keyFile(path: string, kind: 'ed25519'): Promise<KeyPair> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const text = (await readKey(path)) ?? (await makeKey(path, kind))
  const privateKey = createPrivateKey(text)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

async function readKey(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return undefined
  if ((found.mode & 0o077) !== 0)
    throw new Unavailable('keys.open_file', `${path} may be read by others; it must be 0600`)
  return readFile(path, 'utf8')
}

async function makeKey(path: string, kind: 'ed25519'): Promise<string> {
  const { privateKey } = generateKeyPairSync(kind)
  const fresh = `${path}.${process.pid}.new`
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }))
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
