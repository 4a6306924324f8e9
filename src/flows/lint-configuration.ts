import type { TenantName } from '../core/ids.ts'
import type { Finding } from '../core/policy/lint/finding.ts'
import { type Linted, lintPolicies } from '../core/policy/lint/lint-policies.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type Problem, placeAt } from './configuration/problem.ts'
import type { DeclaredKind } from './configuration/yaml-documents.ts'
import type { PolicySource, ReadTenant } from './read-configuration.ts'

/** A finding where it stands: as a problem of the folder is told, with the suggestion as its hint. */
export type PlacedFinding = Problem & { readonly tenant: TenantName }

/** What a folder's policies say that their writer hardly meant, in the order of files and lines. */
export function lintConfiguration(
  tenants: readonly ReadTenant[],
  snapshot: Snapshot,
  excludeEachOther: Linted['excludeEachOther'],
): readonly PlacedFinding[] {
  const found = tenants.flatMap((read) => {
    const tenant = snapshot.tenants.get(read.declared.tenant)
    if (tenant === undefined) return []
    return lintPolicies({ tenant, snapshot, excludeEachOther }).map((finding) => placed(finding, read))
  })
  return found.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.column - b.column)
}

function placed(finding: Finding, { declared, sources }: ReadTenant): PlacedFinding {
  const { code, says, suggestion, about } = finding
  const told = { tenant: declared.tenant, code, says, hint: suggestion }
  const [kind, name]: readonly [DeclaredKind, string] =
    'condition' in about
      ? ['condition', about.condition]
      : ['policy', 'template' in about ? about.template : about.policy]
  const source = kind === 'policy' ? sources.find(({ policy }) => policy === name) : undefined
  if (source === undefined) {
    const place = declared.by.get(kind)?.get(name)?.placeOf([]) ?? { path: '', line: 1, column: 1 }
    return { ...place, ...told }
  }
  const { offset, length } = spotOf(finding, source)
  return { ...placeAt(source.file, source.start + offset), length, ...told }
}

/** The text that is meant, where it stands as it was rendered; else the head of the policy. */
function spotOf(
  { at, code }: Finding,
  { text }: PolicySource,
): { readonly offset: number; readonly length: number } {
  const head = Math.max(0, text.search(/\b(permit|forbid)\s*\(/))
  // What is accepted stands in an annotation, so before the head.
  const from = code === 'lint.unknown_code' ? 0 : head
  const found = at === undefined ? -1 : text.indexOf(at, from)
  if (at !== undefined && found >= 0) return { offset: found, length: at.length }
  return { offset: head, length: text.startsWith('forbid', head) ? 'forbid'.length : 'permit'.length }
}
