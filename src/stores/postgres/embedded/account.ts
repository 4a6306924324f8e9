import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { Unavailable } from '../../../core/refusal.ts'

/** An account of the operating system, as `/etc/passwd` has it. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number }

/** Tried in this order when we are root: PostgreSQL refuses to run as root. */
const UNPRIVILEGED = ['postgres', 'nobody'] as const

/** The account this process runs as. Peer authentication needs its name, so a uid without one can't serve. */
export function ownAccount(): Account {
  try {
    const { username, uid, gid } = userInfo()
    return { name: username, uid, gid }
  } catch (cause) {
    const uid = process.getuid?.() ?? -1
    const says = `uid ${uid} has no name on this machine; PostgreSQL's peer authentication needs one. Add it to /etc/passwd, or set DATABASE_URL`
    throw new Unavailable('store.embedded_account', says, { cause })
  }
}

/** Every account that a text in the form of `/etc/passwd` lists. */
export function parseAccounts(passwd: string): Account[] {
  const accounts: Account[] = []
  for (const line of passwd.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    if (name !== '' && /^\d+$/.test(uid) && /^\d+$/.test(gid)) {
      accounts.push({ name, uid: Number(uid), gid: Number(gid) })
    }
  }
  return accounts
}

/**
 * The account that runs the server: ourselves, unless we are root. Then the owner of a data directory that exists
 * already (`ownerUid`), and otherwise the first of `postgres` and `nobody` that this machine has.
 */
export function serverAccount(self: Account, ownerUid: number | undefined): Account {
  if (self.uid !== 0) return self
  const accounts = parseAccounts(readFileSync('/etc/passwd', 'utf8'))
  if (ownerUid !== undefined && ownerUid !== 0) {
    const owner = accounts.find(({ uid }) => uid === ownerUid)
    if (owner) return owner
    throw new Unavailable(
      'store.embedded_account',
      `the data directory belongs to uid ${ownerUid}, which has no name here`,
    )
  }
  for (const wanted of UNPRIVILEGED) {
    const found = accounts.find(({ name, uid }) => name === wanted && uid !== 0)
    if (found) return found
  }
  const says = `no unprivileged account to run PostgreSQL as: this machine has none of ${UNPRIVILEGED.join(', ')}`
  throw new Unavailable('store.embedded_account', says)
}

/** What `spawn` needs to run a child as `account`; nothing when that is who we are. */
export function runAs(account: Account): { uid?: number; gid?: number } {
  return process.getuid?.() === account.uid ? {} : { uid: account.uid, gid: account.gid }
}
