import { join } from 'node:path'
import type { Snapshot } from '../core/snapshot.ts'
import type { Root } from '../protocols/admin/ports.ts'
import type { AuthorityConfig } from './config.ts'
import { TICKET_ROOT } from './ticket-keys.ts'

/** The few secrets that exist: all are the authority's, and none is an agent's, a gateway's or a resource server's. Never the secret itself. */
export function rootsOf(config: AuthorityConfig, snapshot: Snapshot): readonly Root[] {
  const keys = config.keys ?? join(config.folder, 'keys')
  const tenants = [...snapshot.tenants.keys()].sort()
  return [
    {
      root: 'audit-log-key',
      what: `signs the checkpoints of ${config.log_name}`,
      where: join(keys, 'audit-log.key'),
    },
    {
      root: 'ticket-root',
      what: 'what the ticket keys of gateways follow from',
      where: join(keys, TICKET_ROOT),
    },
    ...tenants.map((tenant) => ({
      root: `token-key/${tenant}`,
      what: `signs the tokens of tenant ${tenant}`,
      where: join(keys, 'tokens', tenant),
    })),
    ...sealing(config, keys),
    database(config),
    {
      root: 'admin-socket',
      what: 'whoever can open it administrates',
      where: join(config.folder, 'admin.sock'),
    },
    ...(config.tls
      ? [{ root: 'tls-key', what: 'serves https as the authority', where: config.tls.key }]
      : []),
    ...Object.entries(config.secrets).map(([name, where]) => ({
      root: `secret/${name}`,
      what: 'a credential that attestors and credential providers may use',
      where,
    })),
    ...targetAdmins(snapshot),
  ]
}

/** What opens held secrets, with a copy of the database. */
function sealing({ sealing_keys: named }: AuthorityConfig, keys: string): readonly Root[] {
  const places = named ?? [join(keys, 'sealing.key')]
  return places.map((where, at) => ({
    root: at === 0 ? 'sealing-key' : `sealing-key/old-${at}`,
    what: at === 0 ? 'wraps the keys that seal held secrets' : 'opens what it wrapped before',
    where,
  }))
}

function database(config: AuthorityConfig): Root {
  if (config.database_url === undefined)
    return { root: 'database', what: 'embedded, by peer authentication: no password', where: 'unix socket' }
  const { host, username, password } = new URL(config.database_url)
  return {
    root: 'database',
    what: `login of ${username}, ${password === '' ? 'no password' : 'with a password'}`,
    where: decodeURIComponent(host),
  }
}

/** Admin logins of target databases: by socket and peer authentication there is no secret, only the right to use it. */
function targetAdmins(snapshot: Snapshot): readonly Root[] {
  const found: Root[] = []
  for (const [tenant, { credentials }] of snapshot.tenants) {
    for (const { credential, provider, admin } of credentials.values()) {
      if (typeof admin !== 'string') continue
      const url = new URL(admin)
      const secret = url.password === '' ? 'no password' : 'with a password in the settings'
      const where = url.searchParams.get('host') ?? url.host
      found.push({
        root: `target-admin/${tenant}/${credential}`,
        what: `${provider}: admin login, ${secret}`,
        where,
      })
    }
  }
  return found
}
