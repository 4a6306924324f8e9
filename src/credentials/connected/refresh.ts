import { setTimeout as wait } from 'node:timers/promises'
import type { AccountSettings } from '../../core/credential/account.ts'
import type { HeldKey } from '../../core/held.ts'
import { type Refusal, refuse, Unavailable } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { reveal, Secret } from '../../core/secret.ts'
import { type EpochSeconds, toSeconds } from '../../core/time.ts'
import { type Account, readAccount, withTokens } from '../../lib/oauth-client/account.ts'
import { clientAssertion, listedClient } from '../../lib/oauth-client/listed-client.ts'
import type { OurClient } from '../../lib/oauth-client/register.ts'
import { type Asking, refreshTokens, revokeToken } from '../../lib/oauth-client/tokens.ts'
import type { CredentialPorts, Issue } from '../contract.ts'
import { connectionNeeded, type HeldAccount } from './held-account.ts'

export type Refreshing = HeldAccount & {
  readonly issue: Issue
  readonly key: HeldKey
  readonly settings: AccountSettings
  readonly ports: CredentialPorts
}

/** Seconds that whoever refreshes has; then another may. */
const CLAIM = 15
/** How often, and how many milliseconds apart, one looks whether the other has done it. */
const LOOKS = 60
const LOOK_MS = 100

const OVER = connectionNeeded('Your account at this server is no longer connected; connect it again.')

/**
 * New tokens for an account, got by one process at a time: a server that rotates takes the second use of a refresh token for theft and ends
 * all of them (RFC 9700 §4.14.2). Whoever is not first waits for the other's. Throws Unavailable.
 */
export async function refreshAccount(refreshing: Refreshing): Promise<Result<Account, Refusal>> {
  const { key, opened, account, ports } = refreshing
  if (account.refresh === undefined) return err(OVER)
  const until = (toSeconds(ports.now) + CLAIM) as EpochSeconds
  if (!(await ports.held.claim(key, opened.version, until))) return othersAccount(refreshing)
  const asking = await askingFor(refreshing)
  if (!asking.ok) return asking
  const tokens = await refreshTokens(asking.value, account.refresh, account.resource)
  if (!tokens.ok) return failed(refreshing, tokens.error)
  const fresh = withTokens(account, tokens.value, toSeconds(ports.now))
  const secret = new Secret(JSON.stringify(fresh))
  const kept = await ports.held.replace(key, secret, opened.about, opened.version)
  if (!kept.ok) return kept
  if (kept.value) return ok(fresh)
  // Disconnected while it was on its way: what was just given is given back, and nobody uses it.
  await revokeToken(asking.value, fresh.refresh ?? fresh.access)
  return err(OVER)
}

/** Only a no to the refresh token itself ends the connection: anything else may be over in a minute. */
async function failed(
  { key, opened, ports }: Refreshing,
  error: { readonly reason: string; readonly says: string; readonly facts: Refusal['facts'] },
): Promise<Result<never, Refusal>> {
  if (error.reason === 'connect.denied' && error.facts['why'] === 'invalid_grant') {
    await ports.held.letGo(key, opened.version)
    return err(OVER)
  }
  await ports.held.unclaim(key, opened.version)
  return err(refuse('denied', error.reason, error.says, error.facts))
}

async function othersAccount({ key, opened, ports }: Refreshing): Promise<Result<Account, Refusal>> {
  for (let looks = 0; looks < LOOKS && !ports.signal.aborted; looks += 1) {
    await wait(LOOK_MS)
    const now = await ports.held.open(key)
    if (!now.ok) return now
    if (!now.value) return err(OVER)
    if (now.value.version === opened.version) continue
    const account = readAccount(reveal(now.value.secret))
    return account.ok ? ok(account.value) : err(refuse('denied', account.error.reason, account.error.says))
  }
  throw new Unavailable('connection.busy', 'another process refreshes this account and has not finished')
}

/** With what we are at that server now: a secret that the operator changed counts at once, another client id ends the connection. */
async function askingFor(refreshing: Refreshing): Promise<Result<Asking, Refusal>> {
  const { account, settings, ports, issue } = refreshing
  const listed = await listedClient(settings.clients, account.server.issuer, async (name) => {
    const found = await ports.secret(name)
    return found && reveal(found)
  })
  if (!listed.ok) return err(refuse('denied', listed.error.reason, listed.error.says))
  const client: OurClient = listed.value ?? account.client
  if (client.id !== account.client.id) return err(OVER)
  const { ca, allow_private: allow } = settings
  const { fetch, signal, sign } = ports
  return ok({
    reach: { fetch, signal, allow, ...(ca === undefined ? {} : { ca }) },
    server: account.server,
    client,
    assertion: clientAssertion(client.id, toSeconds(ports.now), (typ, claims) =>
      sign(issue.lease.tenant, typ, claims),
    ),
  })
}
