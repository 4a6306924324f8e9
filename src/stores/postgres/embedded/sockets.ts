import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Unavailable } from '../../../core/refusal.ts'
import type { Account } from './account.ts'
import { errorCode } from './folders.ts'

/** `sun_path` holds 108 bytes with its end; PostgreSQL and Node cut or refuse longer names. */
const LONGEST_SOCKET_PATH = 106

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, '.s.PGSQL.65535.lock')) <= LONGEST_SOCKET_PATH
}

async function makeOwned(folder: string, account: Account): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
    await chmod(folder, 0o700)
    await chown(folder, account.uid, account.gid)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
  const stats = await lstat(folder)
  if (!stats.isDirectory() || stats.uid !== account.uid || (stats.mode & 0o077) !== 0) {
    const says = `${folder} must be a folder of ${account.name} with mode 0700`
    throw new Unavailable('store.embedded_socket_folder', says)
  }
}

/**
 * The folder of the server's socket, 0700 and owned by the server's account: inside the data directory, or, where
 * that path is too long for a socket, in /tmp under a name made from it.
 */
export async function openSocketFolder(dataDir: string, account: Account): Promise<string> {
  const inside = join(dataDir, 'sockets')
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 24)
  const folder = fits(inside) ? inside : join('/tmp', `countersign-${account.uid}-${name}`)
  await makeOwned(folder, account)
  return folder
}

/** A TCP port that is free on 127.0.0.1 at this moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
