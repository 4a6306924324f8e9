import fc from 'fast-check'
import { DATETIMES, DECIMALS, DURATIONS, EDGES, IPS, TEXTS } from '../conformance/cedar-corpus/expressions.ts'
import { type Field, type Schema, type SchemaType, typeText } from './any-schema.ts'
import { KNOWN } from './conforming.ts'

/** Policies in Cedar's own syntax that fit a schema, as far as that can be arranged: most are accepted by the strict validator. */

type Text = fc.Arbitrary<string>
/** Something that can be read, and what must be asked first (`x has y`), if anything. */
type Path = { readonly text: string; readonly type: SchemaType; readonly first: readonly string[] }

const quoted = (text: string) => JSON.stringify(text)
const IDENTIFIER = /^[a-z]+$/

function pathsOf(base: string, fields: readonly Field[], first: readonly string[]): readonly Path[] {
  return fields.flatMap(({ name, type, optional }) => {
    const step = IDENTIFIER.test(name) ? `.${name}` : `[${quoted(name)}]`
    const asked = optional ? [...first, `${base} has ${IDENTIFIER.test(name) ? name : quoted(name)}`] : first
    const own = { text: base + step, type, first: asked }
    return type.is === 'record' ? [own, ...pathsOf(own.text, type.fields, asked)] : [own]
  })
}

const sameType = (one: SchemaType, other: SchemaType) => typeText(one) === typeText(other)

const LITERALS: Readonly<Record<string, Text>> = {
  Long: fc.constantFrom(...EDGES).map(String),
  String: fc.constantFrom(...TEXTS.filter((text) => !text.includes('\\'))).map(quoted),
  Bool: fc.constantFrom('true', 'false'),
  decimal: fc.constantFrom(...DECIMALS).map((text) => `decimal(${quoted(text)})`),
  ipaddr: fc.constantFrom(...IPS).map((text) => `ip(${quoted(text)})`),
  datetime: fc.constantFrom(...DATETIMES).map((text) => `datetime(${quoted(text)})`),
  duration: fc.constantFrom(...DURATIONS).map((text) => `duration(${quoted(text)})`),
}

function literal(type: SchemaType): Text {
  switch (type.is) {
    case 'entity':
      return fc
        .constantFrom(...(KNOWN[type.type] ?? []), 'unknown')
        .map((id) => `${type.type}::${quoted(id)}`)
    case 'set':
      return fc
        .array(literal(type.of), { minLength: 1, maxLength: 3 })
        .map((items) => `[${items.join(', ')}]`)
    case 'record': {
      const fields = type.fields.map(({ name, type: of }) =>
        literal(of).map((text) => `${quoted(name)}: ${text}`),
      )
      return fc.tuple(...fields).map((parts) => `{${parts.join(', ')}}`)
    }
    default:
      return LITERALS[type.is] ?? fc.constant('true')
  }
}

/** A whole number, computed. */
function number(read: Text): Text {
  const side = fc.oneof(read, LITERALS['Long'] ?? read)
  const sum = fc.tuple(side, fc.constantFrom('+', '-', '*'), side).map(([a, op, b]) => `(${a} ${op} ${b})`)
  return fc.oneof(
    side,
    sum,
    side.map((text) => `-(${text})`),
  )
}

/** One test of what a path reads, of its own type. */
function testOf({ text, type }: Path, again: Text): Text {
  const read = fc.constant(text)
  const other = fc.oneof(literal(type), again)
  const equal = fc.tuple(fc.constantFrom('==', '!='), other).map(([op, side]) => `${text} ${op} ${side}`)
  const ordered = (side: Text) =>
    fc.tuple(fc.constantFrom('<', '<=', '>', '>='), side).map(([op, value]) => `${text} ${op} ${value}`)
  switch (type.is) {
    case 'Bool':
      return fc.oneof(
        read,
        read.map((value) => `!${value}`),
        equal,
      )
    case 'Long':
      return fc.oneof(equal, ordered(number(other)))
    case 'String':
      return fc.oneof(
        equal,
        fc.constantFrom('*', 'a*', '*b', 'a\\**').map((like) => `${text} like "${like}"`),
      )
    case 'decimal': {
      const names = fc.constantFrom('lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual')
      return fc.oneof(
        equal,
        fc.tuple(names, other).map(([name, side]) => `${text}.${name}(${side})`),
      )
    }
    case 'ipaddr': {
      const names = fc.constantFrom('isIpv4', 'isIpv6', 'isLoopback', 'isMulticast')
      return fc.oneof(
        equal,
        names.map((name) => `${text}.${name}()`),
        other.map((side) => `${text}.isInRange(${side})`),
      )
    }
    case 'datetime': {
      const by = LITERALS['duration'] ?? read
      return fc.oneof(
        equal,
        ordered(other),
        by.map((duration) => `${text}.offset(${duration}) < ${text}.toDate()`),
        fc.tuple(other, by).map(([from, least]) => `${text}.durationSince(${from}) >= ${least}`),
      )
    }
    case 'duration': {
      const units = fc.constantFrom('toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays')
      return fc.oneof(
        equal,
        ordered(other),
        units.map((unit) => `${text}.${unit}() > 3`),
      )
    }
    case 'entity':
      return fc.oneof(equal, within(text), fc.constant(`${text} is ${type.type}`))
    case 'set':
      return fc.oneof(
        literal(type.of).map((item) => `${text}.contains(${item})`),
        fc
          .tuple(fc.constantFrom('containsAll', 'containsAny'), literal(type))
          .map(([name, set]) => `${text}.${name}(${set})`),
        fc.constant(`${text}.isEmpty()`),
      )
    case 'record':
      return equal
  }
}

function within(text: string): Text {
  const group = fc.constantFrom(...(KNOWN['Group'] ?? [])).map((id) => `Group::${quoted(id)}`)
  return fc.oneof(
    group.map((one) => `${text} in ${one}`),
    fc.array(group, { minLength: 1, maxLength: 3 }).map((list) => `${text} in [${list.join(', ')}]`),
  )
}

function tagTest(base: string, type: SchemaType): Text {
  const key = LITERALS['String'] ?? fc.constant('"a"')
  return key.chain((name) =>
    testOf({ text: `${base}.getTag(${name})`, type, first: [] }, literal(type)).map(
      (test) => `${base}.hasTag(${name}) && (${test})`,
    ),
  )
}

/** What can be tested when the principal is a user. */
function testsOf(schema: Schema): Text {
  const paths = [
    ...pathsOf('principal', schema.user, []),
    ...pathsOf('resource', schema.resource, []),
    ...pathsOf('context', schema.context, []),
  ]
  const tests = paths.map((path) => {
    const others = paths.filter((each) => sameType(each.type, path.type) && each.first.length === 0)
    const again =
      others.length === 0 ? literal(path.type) : fc.constantFrom(...others.map(({ text }) => text))
    return testOf(path, again).map((test) => [...path.first, `(${test})`].join(' && '))
  })
  const tagged = schema.tags ? [tagTest('principal', schema.tags), tagTest('resource', schema.tags)] : []
  return fc.oneof(
    { weight: 6, arbitrary: fc.oneof(...tests, ...tagged) },
    within('principal'),
    fc.constantFrom('resource in Res::"r3"', 'action in Action::"any"', 'principal in resource'),
  )
}

function joined(test: Text): Text {
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      test.map((text) => `(${text})`),
      fc
        .tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      tie('expression').map((text) => `!${text}`),
      fc
        .tuple(tie('expression'), tie('expression'), tie('expression'))
        .map(([when, yes, no]) => `(if ${when} then ${yes} else ${no})`),
    ),
  }))
  return expression
}

export function typedPolicy(schema: Schema): Text {
  const clause = fc
    .tuple(fc.constantFrom('when', 'unless'), joined(testsOf(schema)))
    .map(([kind, text]) => `${kind} { ${text} }`)
  return fc
    .record({
      effect: fc.constantFrom('permit', 'permit', 'permit', 'forbid'),
      principal: fc.constantFrom(
        'principal is User',
        'principal == User::"ana"',
        'principal is User in Group::"all"',
      ),
      action: fc.constantFrom(
        'action',
        'action == Action::"read"',
        'action in [Action::"read", Action::"write"]',
        `action in Action::"any"`,
      ),
      resource: fc.constantFrom(
        'resource',
        'resource == Res::"r1"',
        'resource in Res::"r3"',
        'resource is Res',
      ),
      clauses: fc.array(clause, { minLength: 1, maxLength: 2 }),
    })
    .map(
      ({ effect, principal, action, resource, clauses }) =>
        `${effect} (${principal}, ${action}, ${resource})\n  ${clauses.join('\n  ')};`,
    )
}
