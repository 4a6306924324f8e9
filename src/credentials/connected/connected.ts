import { hash } from 'node:crypto'
import { type AccountSettings, accountSettingsSchema } from '../../core/credential/account.ts'
import type { Credential } from '../../core/credential/credential.ts'
import type { HeldKey } from '../../core/held.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Secret } from '../../core/secret.ts'
import { type EpochSeconds, toSeconds } from '../../core/time.ts'
import type { Account } from '../../lib/oauth-client/account.ts'
import { bearerChallenge } from '../../lib/oauth-client/challenge.ts'
import type { CredentialPorts, CredentialProvider, Issue } from '../contract.ts'
import { connectionNeeded, type HeldAccount, openAccount } from './held-account.ts'
import { refreshAccount } from './refresh.ts'

/** Seconds before its end at which a token is refreshed: one that ends on the way helps nobody. */
const SPARE = 30
/** A server that refuses a token this soon after it was made (seconds) would refuse the next one too. */
const JUST_MADE = 30

/**
 * A person's own account at the server behind, which they connected before: its tokens are held, refreshed here, and only ever put on a
 * request. Where there is none yet, or it reaches too little, the refusal is `connection.needed`, with the scopes to ask for.
 */
export const connected: CredentialProvider<AccountSettings> = {
  name: 'connected',
  config: accountSettingsSchema,
  custody: 'held',
  account: (settings) => settings,
  issue: async (issue, settings, ports) => {
    const key = keyOf(issue)
    if (!key) return err(NOBODY)
    const found = await openAccount(key, ports)
    if (!found.ok) return found
    const asked = await judgeChallenge(issue, found.value, ports)
    if (!asked.ok) return asked
    const { account } = found.value
    const now = toSeconds(ports.now)
    const ends = account.expires ?? Number.POSITIVE_INFINITY
    if (asked.value === 'as it is' && ends > now + SPARE) return ok(credentialOf(issue, account))
    const fresh = await refreshAccount({ issue, key, settings, ports, ...found.value })
    return fresh.ok ? ok(credentialOf(issue, fresh.value)) : fresh
  },
}

const NOBODY = refuse(
  'denied',
  'connection.nobody',
  'This server is reached by a person’s own account, and no person is behind this call.',
)

function keyOf({ lease }: Issue): HeldKey | undefined {
  return lease.user === undefined
    ? undefined
    : { tenant: lease.tenant, user: lease.user, place: `resource:${lease.resource}` }
}

/**
 * What the server said when it was shown the token before. A 401: the token is over, and a new one is got, but not one after another. A
 * 403 for want of scopes: a person must agree to more, once; a server that was given what it names is not asked again (MCP: step-up has
 * a limit).
 */
async function judgeChallenge(
  { challenge }: Issue,
  { account, opened }: HeldAccount,
  { now }: CredentialPorts,
): Promise<Result<'as it is' | 'anew', Refusal>> {
  // What was shown may be older than what is held now: then somebody has seen to it already.
  if (challenge === undefined || challenge.shown !== hash('sha256', account.access, 'base64url'))
    return ok('as it is')
  const said = await bearerChallenge(challenge.authenticate)
  if (challenge.status === 401) return toSeconds(now) - opened.changed < JUST_MADE ? err(REFUSED) : ok('anew')
  const missing = (said?.scope ?? []).filter((scope) => !account.scopes.includes(scope))
  if (said?.error !== 'insufficient_scope' || missing.length === 0) return err(SCOPE)
  const all = [...new Set([...account.scopes, ...missing])]
  return err(
    connectionNeeded('Your account at this server was connected for less than this call needs.', all),
  )
}

const REFUSED = refuse(
  'denied',
  'connection.refused',
  'The server does not take a credential that its own authorization server has just given; its operator must look.',
)
const SCOPE = refuse(
  'denied',
  'connection.scope',
  'The server says that the connected account may not do this, whatever more is asked for.',
)

function credentialOf({ lease }: Issue, account: Account): Credential {
  const ends = account.expires ?? lease.expires
  return {
    placement: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
    secret: new Secret(account.access),
    expires: Math.min(lease.expires, ends) as EpochSeconds,
    handle: lease.id,
    again: true,
  }
}
