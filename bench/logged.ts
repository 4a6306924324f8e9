import type { AdminClient } from '../src/sdk/admin-client.ts'
import { readLines } from '../src/sdk/read-lines.ts'
import { verifyExport } from '../src/sdk/verify-export.ts'

/** Throws unless each tenant's exported log verifies, and together they hold each of these decisions exactly once. */
export async function requireLogged(
  admin: AdminClient,
  logKey: string,
  tenants: readonly string[],
  decisions: ReadonlySet<string>,
): Promise<void> {
  const seen = new Map<string, number>()
  const counted = async function* (lines: AsyncIterable<string>) {
    for await (const line of lines) {
      const { leaf } = JSON.parse(line) as { readonly leaf?: string }
      const { decision = '' } = leaf === undefined ? {} : (JSON.parse(leaf) as { readonly decision?: string })
      if (decisions.has(decision)) seen.set(decision, (seen.get(decision) ?? 0) + 1)
      yield line
    }
  }
  for (const tenant of tenants) {
    const verified = await verifyExport(counted(readLines(await admin.exportAudit(tenant))), { logKey })
    if (!verified.ok) throw new Error(`the log of ${tenant} does not verify: ${verified.error.reason}`)
  }
  const twice = [...seen.values()].filter((times) => times !== 1).length
  const missing = decisions.size - seen.size
  if (missing > 0 || twice > 0)
    throw new Error(
      `of ${decisions.size} events that were acknowledged ${missing} are missing, ${twice} are there twice`,
    )
}
