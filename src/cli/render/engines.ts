import type { EngineLine, QuarantineLine } from '../../sdk/admin-contract.ts'
import { count, renderTable } from './table.ts'

/** A line for each process that decides. */
export function renderEngines(engines: readonly EngineLine[]): readonly string[] {
  const rows = engines.map(({ role, gateway, instance, again, differed, dropped }) => [
    instance === undefined ? role : `${gateway}/${instance}`,
    count(again),
    count(differed),
    count(dropped),
  ])
  return renderTable([['engine', 'asked again', 'differed', 'left out'], ...rows])
}

export function renderQuarantine(quarantine: readonly QuarantineLine[]): readonly string[] {
  if (quarantine.length === 0) return ['No policy is in quarantine.']
  const rows = quarantine.map(({ quarantine: policy, at, decision, says }) => [
    policy,
    new Date(at).toISOString(),
    decision,
    says,
  ])
  return renderTable([['policy', 'since', 'decision', 'what each engine said'], ...rows])
}
