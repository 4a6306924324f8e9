import type { HeldSecrets } from '../core/held.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { Store } from '../core/ports.ts'
import type { Secret } from '../core/secret.ts'
import type { ConnectPorts } from '../flows/connect/connect-ports.ts'
import type { AdminPorts } from '../protocols/admin/ports.ts'
import { accountOf, type Providers } from './plug-ins.ts'

type Parts = {
  readonly providers: Providers
  readonly held: HeldSecrets
  readonly secret: (name: string) => Promise<Secret | undefined>
  readonly store: Pick<Store, 'openLeases'>
  readonly revoke: AdminPorts['revoke']
}

/** What connecting accounts stands on. */
export function connectPorts({ providers, held, secret, store, revoke }: Parts): ConnectPorts {
  return {
    held,
    secret,
    account: (settings) => accountOf(providers, settings),
    endLeases: async (tenant, user, resource, by) => {
      const open = await store.openLeases({ tenant, link: link('user', user) })
      const ask = { tenant, reason: 'connection.ended', standing: true, by } as const
      // One after another: each is a change that the gateways are told of, and few are open at once.
      for (const lease of open.filter((each) => each.resource === resource))
        await revoke({ ...ask, link: link('lease', lease.id) })
    },
  }
}
