import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { TenantName } from '../core/ids.ts'
import type { EpochMillis } from '../core/time.ts'

/**
 * Requests that were refused because too many of their tenant waited: one record for all of a while, since a flood that wrote one for each
 * would be a flood of the log too.
 */
export function limitedEvent(
  tenant: TenantName,
  refused: number,
  seconds: number,
  at: EpochMillis,
): AuditDraft {
  return {
    tenant,
    at,
    kind: 'alarm',
    outcome: 'deny',
    reason: 'http.limited',
    facts: { refused, seconds },
  }
}
