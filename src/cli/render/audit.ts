import type { ExportReport } from '../../core/audit/export-verdict.ts'
import type { AuditLine, AuditPage } from '../../sdk/admin-contract.ts'
import type { Paint } from '../io.ts'
import { count, many, renderTable } from './table.ts'

const COLOUR: Readonly<Record<string, 'green' | 'red' | 'yellow'>> = {
  allow: 'green',
  deny: 'red',
  failed: 'red',
  ask: 'yellow',
}

/** Events as a person reads them, under the day (UTC) on which they were; then how many the log has. */
export function renderEvents({ events, treeSize }: AuditPage, paint: Paint): readonly string[] {
  const rows = renderTable(events.map(rowOf))
  const lines: string[] = []
  let day = ''
  for (const [at, event] of events.entries()) {
    const today = new Date(event.at).toISOString().slice(0, 10)
    if (today !== day) lines.push(paint.dim(`${today} UTC`))
    day = today
    lines.push(painted(rows[at] ?? '', event, paint))
  }
  return [...lines, paint.dim(`${many(events.length, 'event')} of ${count(treeSize)} in the log`)]
}

/** The outcome is coloured where it stands; the word itself says the same. */
function painted(row: string, event: AuditLine, paint: Paint): string {
  const colour = COLOUR[event.outcome]
  const word = wordOf(event)
  return colour ? row.replace(word, paint[colour](word)) : row
}

/** `allow`, `deny` and `ask` for decisions; what kind of step it was for all others. */
function wordOf({ kind, outcome }: AuditLine): string {
  if (kind === 'decision') return outcome
  return outcome === 'failed' ? `failed ${kind}` : kind
}

function rowOf(event: AuditLine): readonly string[] {
  const ms = event.ms === undefined ? '' : `${Math.round(event.ms)} ms`
  return [
    new Date(event.at).toISOString().slice(11, 23),
    wordOf(event),
    whoOf(event),
    whatOf(event),
    whyOf(event),
    ms,
    event.decision ?? '',
  ]
}

/** A home agent by its name, a guest with its home. */
function whoOf({ agent, user, tenant }: AuditLine): string {
  const name = agent?.startsWith(`${tenant}/`) ? agent.slice(tenant.length + 1) : agent
  if (name === undefined) return user === undefined ? '' : `by ${user}`
  return user === undefined ? name : `${name} ⟶ for ${user}`
}

function whatOf({ resource, tool, input, kind, facts, session }: AuditLine): string {
  if (resource !== undefined) {
    const target =
      tool === undefined ? (kind === 'decision' ? `enter ${resource}` : resource) : `${resource}/${tool}`
    return input === undefined ? target : `${target} ${keysOf(input)}`
  }
  const told = Object.entries(facts ?? {}).map(([name, value]) => `${name} ${value}`)
  return [...told, ...(session === undefined ? [] : [session])].join(' · ')
}

/** Arguments by name only: a list is read over shoulders. `show` has the values. */
function keysOf(input: string): string {
  try {
    const value: unknown = JSON.parse(input)
    return typeof value === 'object' && value !== null ? `{${Object.keys(value).join(', ')}}` : '{…}'
  } catch {
    return input === 'erased' ? '{erased}' : '{…}'
  }
}

function whyOf({ outcome, reason, policies }: AuditLine): string {
  return outcome === 'allow' && policies && policies.length > 0 ? policies.join(', ') : reason
}

/** Everything that was recorded, a field a line. */
export function renderWhole(events: readonly AuditLine[], paint: Paint): readonly string[] {
  return events.flatMap((event, at) => {
    const { index, at: time, kind, outcome, facts = {}, ...rest } = event
    const head = `${paint.bold(`${kind} ${outcome}`)}  ${new Date(time).toISOString()}  event ${count(index)}`
    const fields = [...Object.entries(rest), ...Object.entries(facts)].map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ])
    return [...(at > 0 ? [''] : []), head, ...renderTable(fields, '  ')]
  })
}

/** What an export was shown to be. */
export function renderVerified(report: ExportReport, paint: Paint): readonly string[] {
  const { events, treeSize, signedBy, continues, tenant, root } = report
  const earlier = continues === undefined ? '' : `, continues the checkpoint of ${count(continues)}`
  return [
    `${paint.green('verified')}: ${many(events, 'event')}, tree size ${count(treeSize)}, checkpoint signed by ${signedBy.join(', ')}${earlier}`,
    `  tenant  ${tenant}`,
    `  root    ${root}`,
  ]
}
