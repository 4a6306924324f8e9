import { createHash, randomBytes } from 'node:crypto'
import { Unavailable } from '../core/refusal.ts'
import type { RootKeys } from '../flows/held-secrets.ts'
import type { SealingKey } from '../lib/sealed.ts'
import { readSecret, secretFile } from './key-file.ts'

/**
 * Where a root key is: the path of a 0600 file, or `env:NAME`. Both hold 32 random bytes as base64 (`openssl rand -base64 32`).
 */
type SealingSource = string

const ENV = 'env:'

/**
 * Reads the root keys. Without any in the configuration there is one, `path`, made at the first start. One that is named and not there
 * stops the start: what it sealed could not be opened, and nothing may be sealed under another by accident. Throws Unavailable
 * (`keys.open_file`, `keys.unreadable`).
 */
export async function openSealingKeys(
  path: string,
  sources: readonly SealingSource[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RootKeys> {
  if (sources === undefined) return [keyFrom(path, await secretFile(path, freshKey))]
  const [first, ...older] = await Promise.all(sources.map((source) => readSource(source, env)))
  return first ? [first, ...older] : [keyFrom(path, undefined)]
}

function freshKey(): string {
  return `${randomBytes(32).toString('base64')}\n`
}

async function readSource(
  source: SealingSource,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SealingKey> {
  if (!source.startsWith(ENV)) return keyFrom(source, await readSecret(source))
  const name = source.slice(ENV.length)
  return keyFrom(`the variable ${name}`, env[name])
}

/** A key is named by a digest of it, so that the same key is found again wherever it is read from. */
function keyFrom(where: string, text: string | undefined): SealingKey {
  const secret = Buffer.from(text?.trim() ?? '', 'base64')
  if (text === undefined || secret.length !== 32 || secret.toString('base64') !== text.trim()) {
    const says = text === undefined ? 'is not there' : 'does not hold 32 bytes in base64'
    throw new Unavailable('keys.unreadable', `${where}: the sealing key ${says}`)
  }
  const kid = createHash('sha256').update('countersign sealing key\0').update(secret).digest('hex')
  return { kid: kid.slice(0, 16), secret }
}
