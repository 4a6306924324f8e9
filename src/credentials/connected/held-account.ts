import type { HeldKey, Opened } from '../../core/held.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { reveal } from '../../core/secret.ts'
import { type Account, readAccount } from '../../lib/oauth-client/account.ts'
import type { CredentialPorts } from '../contract.ts'

/** Whoever is asked connects it, and the call can be made again. */
export function connectionNeeded(says: string, scopes: readonly string[] = []): Refusal {
  return refuse('ask', 'connection.needed', says, scopes.length > 0 ? { scopes } : {})
}

/** An account, and the version of the row that it was read from. */
export type HeldAccount = { readonly account: Account; readonly opened: Opened }

const NOT_YET = connectionNeeded('Your account at this server must be connected first.')

export async function openAccount(
  key: HeldKey,
  { held }: CredentialPorts,
): Promise<Result<HeldAccount, Refusal>> {
  const opened = await held.open(key)
  if (!opened.ok) return opened
  if (!opened.value) return err(NOT_YET)
  const account = readAccount(reveal(opened.value.secret))
  if (account.ok) return ok({ account: account.value, opened: opened.value })
  return err(refuse('denied', account.error.reason, account.error.says))
}
