import type { AuditDraft } from '../core/audit/audit-event.ts'
import { seconds } from '../core/identity/name.ts'
import type { TenantName } from '../core/ids.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Clock } from '../core/time.ts'
import { limitedEvent } from '../flows/record-limited.ts'
import { createFairShare } from '../lib/fair-share.ts'
import type { Route } from '../lib/http/route.ts'
import type { Turns } from '../lib/http/turns.ts'
import type { LimitsConfig } from './config.ts'

export type TurnPorts = {
  readonly snapshot: () => Snapshot
  readonly now: Clock
  readonly record: (draft: AuditDraft) => Promise<unknown>
  readonly fault: (error: unknown) => void
}

/** Turns of a role's door. `close` records what is not recorded yet. */
export type OpenTurns = { readonly turns: Turns; readonly close: () => Promise<void> }

/** One record for each tenant that had requests refused, at most every so many seconds. */
const RECORDED_EVERY_SECONDS = 10

/** Shares a role's door between tenants, and keeps count of who was refused. */
export function openTurns(limits: LimitsConfig, ports: TurnPorts): OpenTurns {
  const { concurrent, queue, wait } = limits
  const share = createFairShare({ concurrent, queue, waitMs: seconds(wait) * 1000 }, () => performance.now())
  const recordRefused = async (): Promise<void> => {
    for (const [key, refused] of share.refused()) {
      const tenant = tenantOf(key)
      if (tenant === undefined) continue
      const draft = limitedEvent(tenant, refused, RECORDED_EVERY_SECONDS, ports.now())
      await ports.record(draft).catch(ports.fault)
    }
  }
  const timer = setInterval(() => void recordRefused(), RECORDED_EVERY_SECONDS * 1000)
  timer.unref()
  return {
    turns: { share, keyOf: (route, params) => keyOf(route, params, ports.snapshot()) },
    close: async () => {
      clearInterval(timer)
      share.close()
      await recordRefused()
    },
  }
}

const TENANT = 'tenant '

/** Each tenant that there is has a share of its own. Names of none have one together, or each new name would be a new share. */
function keyOf({ guard }: Route, params: Readonly<Record<string, string>>, { tenants }: Snapshot): string {
  if (guard === 'admin') return 'admin'
  const { tenant } = params
  if (tenant === undefined) return guard
  return tenants.has(tenant as TenantName) ? TENANT + tenant : 'unknown'
}

function tenantOf(key: string): TenantName | undefined {
  return key.startsWith(TENANT) ? (key.slice(TENANT.length) as TenantName) : undefined
}
