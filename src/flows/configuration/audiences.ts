import type { TenantName } from '../../core/ids.ts'
import type { Problem } from './problem.ts'
import type { Declared } from './references.ts'

/**
 * Evidence has one audience, the issuer of the workload's home (ARCHITECTURE §3): with any other, what was made for somebody else would
 * be taken here, or what is made for us could be shown there. Attestors whose evidence names no audience have no such setting.
 */
export function checkAudiences(
  declared: Declared,
  issuerOf: (tenant: TenantName) => string | undefined,
): readonly Problem[] {
  const issuer = issuerOf(declared.tenant)
  if (issuer === undefined) return []
  return [...(declared.by.get('trust')?.values() ?? [])].flatMap((each) => {
    const audience = each.value['audience']
    if (audience === undefined || audience === issuer) return []
    const says = `evidence for tenant \`${declared.tenant}\` is meant for its own issuer, not for this audience`
    return [
      {
        ...each.placeOf(['audience']),
        code: 'configuration.audience',
        says,
        hint: `write \`audience: ${issuer}\``,
      },
    ]
  })
}
