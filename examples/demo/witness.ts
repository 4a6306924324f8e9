import { type AdminClient, createAdminClient } from '../../src/sdk/admin-client.ts'
import type { AuditLine } from '../../src/sdk/admin-contract.ts'

/** What the audit says of a step: who asked, for whom, for what, by which policies and facts. */
export type Seen = {
  readonly who: string
  readonly for?: string
  readonly what?: string
  readonly outcome: string
  readonly reason: string
  readonly policies: readonly string[]
  readonly conditions: readonly string[]
  readonly decision?: string
}

export type Witness = {
  /** The most telling record since the last look, from whichever tenant's log; undefined when nothing was recorded. */
  readonly look: () => Promise<Seen | undefined>
  readonly close: () => Promise<void>
}

/** A gateway's record is in the log once it is shipped, which is soon, but not at once. */
const LOOKS = 8
const BETWEEN_MS = 20
/** The more a kind says of who may do what, the higher. */
const TELLING = ['decision', 'issue', 'revocation', 'session', 'attest', 'lease', 'fact']

function rank(line: AuditLine): number {
  const at = TELLING.indexOf(line.kind)
  return at < 0 ? TELLING.length : at
}

function seen(line: AuditLine): Seen {
  const what = line.tool ? `${line.resource}/${line.tool}` : line.resource
  return {
    who: line.agent ?? line.kind,
    ...(line.user === undefined ? {} : { for: line.user }),
    ...(what === undefined ? {} : { what }),
    outcome: line.outcome,
    reason: line.reason,
    policies: line.policies ?? [],
    conditions: line.conditions ?? [],
    ...(line.decision === undefined ? {} : { decision: line.decision }),
  }
}

/** Reads the audit as the demo goes, by the same API that the command line uses. */
export function createWitness(socket: string, tenants: readonly string[]): Witness {
  const client: AdminClient = createAdminClient({ socket })
  const read = new Map<string, number>()
  const news = async (): Promise<readonly AuditLine[]> => {
    const pages = await Promise.all(
      tenants.map(async (tenant) => ({ tenant, page: await client.audit(tenant, query(read.get(tenant))) })),
    )
    for (const { tenant, page } of pages)
      read.set(tenant, page.events.at(-1)?.index ?? read.get(tenant) ?? -1)
    return pages.flatMap(({ page }) => page.events)
  }
  const look = async (): Promise<Seen | undefined> => {
    for (let looks = 0; looks < LOOKS; looks++) {
      const [best] = [...(await news())].sort((a, b) => rank(a) - rank(b) || b.at - a.at)
      if (best && rank(best) < TELLING.length) return seen(best)
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS))
    }
    return undefined
  }
  return { look, close: client.close }
}

function query(after: number | undefined): Record<string, string> {
  return after === undefined ? { limit: '1000' } : { limit: '1000', after: String(after) }
}
