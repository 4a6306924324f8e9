import type { AccountAbout } from '../../core/credential/account.ts'
import type { Holding } from '../../core/held.ts'
import type { TenantName, UserId } from '../../core/ids.ts'
import { isJsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import type { ConnectPorts } from './connect-ports.ts'

/** An account that is connected, as it may be shown to its person and to administrators. */
export type ConnectedAccount = AccountAbout & { readonly user: UserId; readonly resource: string }

const PLACE = 'resource:'

/** The accounts of one person, or of everybody in the tenant. Throws Unavailable. */
export async function listAccounts(
  { name }: { readonly name: TenantName },
  { held }: Pick<ConnectPorts, 'held'>,
  user?: UserId,
): Promise<readonly ConnectedAccount[]> {
  const all = await held.list(name, user)
  return all.flatMap((holding) => (holding.place.startsWith(PLACE) ? [accountOf(holding)] : []))
}

function accountOf({ user, place, about }: Holding): ConnectedAccount {
  const said = parseStrictJsonText(about)
  const known = (isJsonObject(said) ? said : {}) as Partial<AccountAbout>
  const { issuer = '', host = '', scopes = [], agent = '', connected = 0 } = known
  return { user: user as UserId, resource: place.slice(PLACE.length), issuer, host, scopes, agent, connected }
}
