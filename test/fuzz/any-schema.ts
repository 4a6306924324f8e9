import fc from 'fast-check'
import { NAMES } from '../conformance/cedar-corpus/expressions.ts'

/** A type of Cedar's schemas. */
export type SchemaType =
  | { readonly is: 'Long' | 'String' | 'Bool' | 'decimal' | 'ipaddr' | 'datetime' | 'duration' }
  | { readonly is: 'entity'; readonly type: string }
  | { readonly is: 'set'; readonly of: SchemaType }
  | { readonly is: 'record'; readonly fields: readonly Field[] }
export type Field = { readonly name: string; readonly type: SchemaType; readonly optional: boolean }

/** Two kinds of people, groups within groups, resources with an owner; actions in groups; a context. */
export type Schema = {
  readonly user: readonly Field[]
  readonly group: readonly Field[]
  readonly resource: readonly Field[]
  readonly context: readonly Field[]
  readonly tags?: SchemaType
}

const SIMPLE: fc.Arbitrary<SchemaType> = fc.oneof(
  fc.constantFrom<SchemaType>(
    ...(['Long', 'String', 'Bool', 'decimal', 'ipaddr', 'datetime', 'duration'] as const).map((is) => ({
      is,
    })),
  ),
  fc.constantFrom('User', 'Group', 'NS::Robot', 'Res').map((type): SchemaType => ({ is: 'entity', type })),
)
const TYPE: fc.Arbitrary<SchemaType> = fc.oneof(
  { weight: 4, arbitrary: SIMPLE },
  SIMPLE.map((of): SchemaType => ({ is: 'set', of })),
  fieldsOf(SIMPLE).map((fields): SchemaType => ({ is: 'record', fields })),
)

function fieldsOf(type: fc.Arbitrary<SchemaType>): fc.Arbitrary<readonly Field[]> {
  const field = fc.record({
    name: fc.constantFrom(...NAMES, 'n', 'name', 'level', 'at', 'owner'),
    type,
    optional: fc.boolean(),
  })
  return fc.uniqueArray(field, { minLength: 1, maxLength: 5, selector: ({ name }) => name })
}

export const ANY_SCHEMA: fc.Arbitrary<Schema> = fc
  .record({
    user: fieldsOf(TYPE),
    group: fieldsOf(TYPE),
    resource: fieldsOf(TYPE),
    context: fieldsOf(TYPE),
    tags: fc.option(SIMPLE, { nil: undefined }),
  })
  .map(({ tags, ...rest }) => (tags === undefined ? rest : { ...rest, tags }))

export const ACTIONS = ['read', 'write'] as const

export function schemaText({ user, group, resource, context, tags }: Schema): string {
  const tagged = tags === undefined ? '' : ` tags ${typeText(tags)}`
  return `
entity Group in [Group] ${recordText(group)};
entity User in [Group] ${recordText(user)}${tagged};
namespace NS { entity Robot in [Group]; }
entity Res in [Res] ${recordText(resource)}${tagged};
action any;
action ${ACTIONS.join(', ')} in [any] appliesTo { principal: [User, NS::Robot], resource: [Res], context: ${recordText(context)} };
`
}

export function typeText(type: SchemaType): string {
  switch (type.is) {
    case 'entity':
      return type.type
    case 'set':
      return `Set<${typeText(type.of)}>`
    case 'record':
      return recordText(type.fields)
    default:
      return type.is
  }
}

function recordText(fields: readonly Field[]): string {
  const lines = fields.map(
    ({ name, type, optional }) => `${JSON.stringify(name)}${optional ? '?' : ''}: ${typeText(type)}`,
  )
  return `{ ${lines.join(', ')} }`
}
