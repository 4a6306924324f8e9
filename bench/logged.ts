import type { AuditEvent } from '../src/core/audit/audit-event.ts'
import type { AdminClient } from '../src/sdk/admin-client.ts'
import { readLines } from '../src/sdk/read-lines.ts'
import { verifyExport } from '../src/sdk/verify-export.ts'

/** Shows each event of a tenant's exported log, and throws unless the export verifies. */
export async function readLog(
  admin: AdminClient,
  logKey: string,
  tenant: string,
  show: (event: AuditEvent) => void,
): Promise<void> {
  const shown = async function* (lines: AsyncIterable<string>) {
    for await (const line of lines) {
      const { leaf } = JSON.parse(line) as { readonly leaf?: string }
      if (leaf !== undefined) show(JSON.parse(leaf) as AuditEvent)
      yield line
    }
  }
  const verified = await verifyExport(shown(readLines(await admin.exportAudit(tenant))), { logKey })
  if (!verified.ok) throw new Error(`the log of ${tenant} does not verify: ${verified.error.reason}`)
}

/** Throws unless each tenant's exported log verifies, and together they hold each of these decisions exactly once. */
export async function requireLogged(
  admin: AdminClient,
  logKey: string,
  tenants: readonly string[],
  decisions: ReadonlySet<string>,
): Promise<void> {
  const seen = new Map<string, number>()
  const count = ({ decision = '' }: { readonly decision?: string }) => {
    if (decisions.has(decision)) seen.set(decision, (seen.get(decision) ?? 0) + 1)
  }
  for (const tenant of tenants) await readLog(admin, logKey, tenant, count)
  const twice = [...seen.values()].filter((times) => times !== 1).length
  const missing = decisions.size - seen.size
  if (missing > 0 || twice > 0) {
    throw new Error(
      `of ${decisions.size} events that were acknowledged ${missing} are missing, ${twice} are there twice`,
    )
  }
}
