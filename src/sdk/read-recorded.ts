import { readExportLine } from '../core/audit/audit-export.ts'
import { opens } from '../core/audit/commitment.ts'
import type { AgentId, TenantName } from '../core/ids.ts'
import type { Hidden, RecordedDecision } from '../core/policy/policy-diff.ts'
import type { AuditLine } from './admin-contract.ts'

/**
 * The decisions of an audit export, line by line. Nothing is proven here (`verifyExport` does that), but an opening that isn't the one of
 * its commitment counts as erased. Undefined at a line that is none of an export.
 */
export async function readRecorded(
  lines: AsyncIterable<string>,
): Promise<readonly RecordedDecision[] | undefined> {
  const found: RecordedDecision[] = []
  for await (const line of lines) {
    const read = readExportLine(line)
    if (read === undefined) return undefined
    if (read.kind !== 'event') continue
    const { index, leaf, openings = {} } = read.event
    const event = JSON.parse(leaf) as AuditLine
    const hidden = (name: 'user' | 'input'): Hidden | undefined => {
      const [committed, opening] = [event[name], openings[name]]
      if (committed === undefined) return undefined
      return opening !== undefined && opens(committed, opening) ? { shown: opening.value } : { erased: true }
    }
    found.push(...decisionOf({ ...event, index }, hidden))
  }
  return found
}

/** The decisions among events as the admin API shows them; what was forgotten is `erased` there. */
export function recordedOf(events: readonly AuditLine[]): readonly RecordedDecision[] {
  return events.flatMap((event) =>
    decisionOf(event, (name) => {
      const value = event[name]
      if (value === undefined) return undefined
      return value === 'erased' ? { erased: true } : { shown: value }
    }),
  )
}

function decisionOf(
  event: AuditLine,
  hidden: (name: 'user' | 'input') => Hidden | undefined,
): readonly RecordedDecision[] {
  const { index, at, tenant, kind, outcome, reason, decision, agent, resource, tool, conditions = [] } = event
  if (kind !== 'decision' || (outcome !== 'allow' && outcome !== 'deny' && outcome !== 'ask')) return []
  const [user, input] = [hidden('user'), hidden('input')]
  return [
    {
      ...{ index, at, tenant: tenant as TenantName, outcome, reason, conditions },
      ...(decision === undefined ? {} : { decision }),
      ...(agent === undefined ? {} : { agent: agent as AgentId }),
      ...(user === undefined ? {} : { user }),
      ...(resource === undefined ? {} : { resource }),
      ...(tool === undefined ? {} : { tool }),
      ...(input === undefined ? {} : { input }),
    },
  ]
}
