import { chmod, lstat, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Unavailable } from '../core/refusal.ts'

/**
 * Makes a folder that only this account may enter, or takes one that is this account's and closes it to others. What is missing above it
 * is made as usual: the embedded database stands beside, and runs as another account. Throws `Unavailable` `config.folder`.
 */
export async function ownFolder(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await mkdir(path, { mode: 0o700 }).catch(unlessThere)
    const found = await lstat(path)
    if (!found.isDirectory()) throw refused(path, 'is no folder')
    if (found.uid !== process.geteuid?.())
      throw refused(path, `belongs to another account (uid ${found.uid})`)
    await chmod(path, 0o700)
  } catch (cause) {
    if (cause instanceof Unavailable) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw refused(path, `can't be made or opened (${code})`, cause)
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

function refused(path: string, why: string, cause?: unknown): Unavailable {
  return new Unavailable('config.folder', `${path} ${why}`, { cause })
}
