import { DatabaseSync } from 'node:sqlite'

/** Held until `release`, or until the process ends in whatever way. */
export type FileLock = { release(): void }

const SQLITE_BUSY = 5

/**
 * Takes a lock that one holder on this machine can have, or answers `undefined` at once. Node has no file locks of its own; SQLite's
 * exclusive transaction is one that the kernel takes back after kill -9, unlike a pid in a file. The file stays, and stays empty.
 */
export function lockFile(path: string): FileLock | undefined {
  const holder = new DatabaseSync(path, { timeout: 0 })
  try {
    holder.exec('BEGIN EXCLUSIVE')
    return { release: () => holder.close() }
  } catch (cause) {
    holder.close()
    if (isBusy(cause)) return undefined
    throw cause
  }
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY
}
