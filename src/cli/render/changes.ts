import type { ChangeLine, ConfigurationAnswer } from '../../sdk/admin-contract.ts'
import type { Paint } from '../io.ts'
import { many, renderTable } from './table.ts'

const SIGN = { add: '+', change: '~', remove: '-' } as const
const COLOUR = { add: 'green', change: 'yellow', remove: 'red' } as const

/** What would change or has changed: a line each, then how many, then what that means. */
export function renderChanges(
  how: 'check' | 'plan' | 'apply',
  answer: ConfigurationAnswer,
  paint: Paint,
): readonly string[] {
  const { lines, revision } = answer
  if (how === 'check') return [`The configuration can be used. ${summary(lines)}`, ...casesOf(answer)]
  if (lines.length === 0) return [`Nothing to change: the registry is as declared, at revision ${revision}.`]
  const rows = lines.map(({ how: sign, kind, tenant, name, keys }) => [
    `${SIGN[sign]} ${kind}`,
    nameOf(kind, tenant, name),
    keys.join(', '),
  ])
  const told = renderTable(rows).map((row, at) => paint[COLOUR[lines[at]?.how ?? 'add']](row))
  const after =
    how === 'apply' ? `Applied at revision ${revision}.` : 'Nothing was changed yet; apply does it.'
  return [...told, `${counts(lines)}. ${after}`]
}

/** That cases were read is not that they were run. */
function casesOf({ cases = 0 }: ConfigurationAnswer): readonly string[] {
  if (cases === 0) return []
  return [`${many(cases, 'case')} beside the policies can be read; \`countersign policy test\` runs them.`]
}

/** A tenant by its own name, everything else by the tenant's and its own. */
function nameOf(kind: string, tenant: string, name: string): string {
  return kind === 'tenant' ? name : `${tenant}/${name}`
}

function counts(lines: readonly ChangeLine[]): string {
  const of = (how: ChangeLine['how']) => lines.filter((line) => line.how === how).length
  return `${of('add')} added, ${of('change')} changed, ${of('remove')} removed`
}

function summary(lines: readonly ChangeLine[]): string {
  return lines.length === 0
    ? 'The registry is as declared already.'
    : `Applying it would make ${many(lines.length, 'change')}.`
}
