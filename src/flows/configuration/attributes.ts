import type { Attributes, AttributeType } from '../../core/identity/name.ts'
import { didYouMean, type Problem } from './problem.ts'
import type { Declared } from './references.ts'
import type { Declaration } from './yaml-documents.ts'

type Value = Attributes[string]

const FITS: Readonly<Record<AttributeType, (value: Value) => boolean>> = {
  String: (value) => typeof value === 'string',
  Long: (value) => typeof value === 'number',
  Bool: (value) => typeof value === 'boolean',
  'Set<String>': (value) => Array.isArray(value),
}

/**
 * Attributes are what policies compare: one that is not declared, or of another type, would only show when a request is refused.
 * Users that are not listed get theirs from claims, and are not seen here.
 */
export function checkAttributes(declared: Declared): readonly Problem[] {
  const tenant = [...(declared.by.get('tenant')?.values() ?? [])][0]
  if (!tenant) return []
  return (['user', 'agent'] as const).flatMap((kind) => {
    const types = (tenant.value[`${kind}_attributes`] ?? {}) as Readonly<Record<string, AttributeType>>
    return [...(declared.by.get(kind)?.values() ?? [])].flatMap((each) => checkOne(each, types))
  })
}

function checkOne(each: Declaration, types: Readonly<Record<string, AttributeType>>): readonly Problem[] {
  const own = (each.value['attributes'] ?? {}) as Attributes
  const problem = (path: readonly string[], says: string, hint: { hint?: string } = {}): Problem => ({
    ...each.placeOf(path),
    code: 'configuration.attribute',
    says,
    ...hint,
  })
  const wrong = Object.entries(own).flatMap(([name, value]) => {
    const type = Object.hasOwn(types, name) ? types[name] : undefined
    if (type === undefined) {
      const says = `attribute \`${name}\` is not declared in \`${each.kind}_attributes\` of the tenant`
      return [problem(['attributes', name], says, didYouMean(name, Object.keys(types)))]
    }
    return FITS[type](value)
      ? []
      : [problem(['attributes', name], `attribute \`${name}\` is declared as ${type}`)]
  })
  return wrong
}
