import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Unavailable } from '../../../core/refusal.ts'
import type { Account } from './account.ts'

/** An unfinished folder older than this was left behind by a process that was killed. */
const ABANDONED_MS = 60 * 60 * 1000

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** `lstat`, or nothing where the path does not exist. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Makes `path` and what is missing above it, each 0755 whatever the umask says. Existing folders stay as they are. */
export async function ensureOpenFolder(path: string): Promise<void> {
  if (await statIfThere(path)) return
  await ensureOpenFolder(dirname(path))
  try {
    await mkdir(path)
    await chmod(path, 0o755)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

/** A name beside `path` that nobody else uses, for a folder that is renamed to `path` when it is whole. */
export function unfinishedName(path: string): string {
  return `${path}.unfinished-${randomBytes(6).toString('hex')}`
}

/** Removes what killed processes left unfinished beside `path`. */
export async function removeAbandoned(path: string): Promise<void> {
  const parent = dirname(path)
  const prefix = `${path}.unfinished-`
  for (const name of await readdir(parent)) {
    const found = join(parent, name)
    if (!found.startsWith(prefix)) continue
    const stats = await statIfThere(found)
    if (stats && Date.now() - stats.mtimeMs > ABANDONED_MS) await rm(found, { recursive: true, force: true })
  }
}

/** Renames a whole folder into place; false when somebody else was first (ours is then removed). */
export async function renameIntoPlace(unfinished: string, path: string): Promise<boolean> {
  try {
    await rename(unfinished, path)
  } catch (error) {
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error
    await rm(unfinished, { recursive: true, force: true })
    return false
  }
  const parent = await open(dirname(path), 'r')
  await parent.sync().finally(() => parent.close())
  return true
}

/**
 * Replaces a file in a folder that `owner` may write to. We may be root there, so nothing is opened that `owner`
 * could have made a link of: a new file under a random name, then renamed.
 */
export async function writeOwned(path: string, text: string, owner: Account): Promise<void> {
  const fresh = unfinishedName(path)
  const file = await open(
    fresh,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  )
  try {
    await file.writeFile(text)
    await file.chown(owner.uid, owner.gid)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, path)
}

function mayEnter(stats: Stats, account: Account): boolean {
  if (stats.uid === account.uid) return (stats.mode & 0o100) !== 0
  if (stats.gid === account.gid) return (stats.mode & 0o010) !== 0
  return (stats.mode & 0o001) !== 0
}

/** Throws unless `account` may pass through every folder above `path`. (Access lists and capabilities are not read.) */
export async function requireReachable(path: string, account: Account): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stats = await stat(folder)
    if (!mayEnter(stats, account)) {
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
      const says = `PostgreSQL runs as ${account.name}, who may not enter ${folder} (mode ${mode}); choose a place such as /var/lib/countersign`
      throw new Unavailable('store.embedded_unreachable_folder', says)
    }
    if (folder === dirname(folder)) return
  }
}
