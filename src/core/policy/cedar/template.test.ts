import { describe, expect, test } from 'vitest'
import { authorize } from './authorize.ts'
import { buildEntities } from './entities.ts'
import type { Json } from './json.ts'
import { parseUid } from './parse-uid.ts'
import { preparePolicy } from './policy.ts'
import { fillTemplate, prepareTemplate } from './template.ts'
import { entityUid, record } from './value.ts'

const ALL: Json = { op: 'All' }
const base = { effect: 'permit', principal: ALL, action: ALL, resource: ALL, conditions: [] }
const [P, R] = ['?principal', '?resource']
const ana = entityUid('User', 'ana')
const orders = entityUid('Resource', 'orders')

function read(est: Json): string {
  const template = prepareTemplate('t', est)
  return template.ok ? template.value.slots.join('+') : template.error.reason
}

test.each<[string, object, string]>([
  ['a principal', { principal: { op: '==', slot: P } }, 'principal'],
  ['a group', { principal: { op: 'in', slot: P } }, 'principal'],
  ['a type in a group', { principal: { op: 'is', entity_type: 'User', in: { slot: P } } }, 'principal'],
  ['a resource', { resource: { op: '==', slot: R } }, 'resource'],
  ['both', { principal: { op: '==', slot: P }, resource: { op: 'in', slot: R } }, 'principal+resource'],
  ['nothing', {}, 'policy.malformed'],
  ['the principal, of the other name', { principal: { op: '==', slot: R } }, 'policy.malformed'],
  ['the resource, of the other name', { resource: { op: 'in', slot: P } }, 'policy.malformed'],
  [
    'a type, of the other name',
    { resource: { op: 'is', entity_type: 'R', in: { slot: P } } },
    'policy.malformed',
  ],
  ['an action', { action: { op: '==', slot: '?action' } }, 'policy.unsupported'],
  ['a type itself', { principal: { op: 'is', slot: P } }, 'policy.unsupported'],
  ['another operator', { resource: { op: 'like', slot: R } }, 'policy.unsupported'],
  ['a slot of no name', { principal: { op: '==', slot: 1 } }, 'policy.malformed'],
  [
    'an expression',
    { principal: { op: '==', slot: P }, conditions: when({ Slot: P }) },
    'policy.unsupported',
  ],
  ['no list of clauses', { principal: { op: '==', slot: P }, conditions: null }, 'policy.malformed'],
])('a template with a slot for %s comes to: %s', (_name, part, expected) => {
  expect(read({ ...base, ...part } as Json)).toBe(expected)
})

function when(body: Json): Json {
  return [{ kind: 'when', body }]
}

describe('a policy that is made of a template', () => {
  const template = (over: object) => {
    const read = prepareTemplate('t', { ...base, ...over } as Json)
    if (!read.ok) throw new Error(read.error.says)
    return { ...read.value, source: 'permit …' }
  }
  const both = template({ principal: { op: '==', slot: P }, resource: { op: '==', slot: R } })

  test.each([
    ['nothing', {}, 'policy.slot_missing principal'],
    ['too little', { principal: ana }, 'policy.slot_missing resource'],
    ['the other one alone', { resource: orders }, 'policy.slot_missing principal'],
  ])('is refused with %s filled', (_name, slots, expected) => {
    const made = fillTemplate('p', both, slots)
    expect(made.ok ? 'made' : `${made.error.reason} ${made.error.slot}`).toBe(expected)
  })

  test.each([
    ['principal', { resource: { op: '==', slot: R } }],
    ['resource', { principal: { op: '==', slot: P } }],
  ])('is refused with a value for a %s that has no slot', (slot, over) => {
    const made = fillTemplate('p', template(over), { principal: ana, resource: orders })
    expect(made.ok ? undefined : made.error).toEqual({
      ...{ reason: 'policy.slot_unknown', slot },
      says: `template \`t\` has no slot ?${slot}`,
    })
  })

  test('has its own name and scope, and shares all else with the others that are made of it', () => {
    const [one, two] = ['one', 'two'].map((id) =>
      fillTemplate(id, both, { principal: ana, resource: entityUid('Resource', id) }),
    )
    if (!one?.ok || !two?.ok) throw new Error('not made')
    expect(one.value).toMatchObject({
      ...{ id: 'one', effect: 'permit', source: 'permit …' },
      scope: { principal: { op: '==', entity: ana }, resource: { op: '==', entity: { id: 'one' } } },
      filled: { template: 't', slots: { principal: ana } },
    })
    expect(one.value.clauses).toBe(two.value.clauses)
    expect(one.value.conditions).toBe(two.value.conditions)
    expect(two.value.scope.resource).toMatchObject({ entity: { id: 'two' } })
  })

  test('of a template whose text is not known has none either', () => {
    const { source: _, ...bare } = both
    const made = fillTemplate('p', bare, { principal: ana, resource: orders })
    expect(made.ok && 'source' in made.value).toBe(false)
  })

  const group = entityUid('Group', 'staff')
  const member = { uid: ana, parents: [group], attrs: new Map(), tags: new Map() }
  const built = buildEntities([{ ...member }, { ...member, uid: group, parents: [] }])
  const request = (principal = ana) => ({
    ...{ principal, action: entityUid('Action', 'a'), resource: orders, context: record(new Map()) },
  })

  test.each<[string, object, object]>([
    ['==', { op: '==', slot: P }, { op: '==', entity: { type: 'User', id: 'ana' } }],
    ['in', { op: 'in', slot: P }, { op: 'in', entity: { type: 'Group', id: 'staff' } }],
    [
      'is … in',
      { op: 'is', entity_type: 'User', in: { slot: P } },
      { op: 'is', entity_type: 'User', in: { entity: { type: 'Group', id: 'staff' } } },
    ],
  ])('has in its scope what the same written out has: %s', (_name, open, closed) => {
    if (!built.ok) throw new Error(built.error.says)
    const value = JSON.stringify(closed).includes('staff') ? group : ana
    const made = fillTemplate('p', template({ principal: open }), { principal: value })
    const written = preparePolicy('p', { ...base, principal: closed } as Json)
    if (!made.ok || !written.ok) throw new Error('not made')
    for (const principal of [ana, group, entityUid('User', 'bob'), entityUid('Group', 'ana')]) {
      const [one, other] = [made.value, written.value].map((policy) =>
        authorize([policy], request(principal), built.value),
      )
      expect([principal.key, one]).toEqual([principal.key, other])
    }
    expect(made.value.scope).toEqual(written.value.scope)
  })
})

test.each([
  ['User::"ana@a.example"', 'User ana@a.example'],
  ['NS::User::"ana"', 'NS::User ana'],
  ['User::"a \\"b\\" \\\\ c"', 'User a "b" \\ c'],
  ['User::""', 'User '],
  ['User::"é"', 'User é'],
  ['_a1::"x"', '_a1 x'],
  ['User::ana', undefined],
  ['"ana"', undefined],
  ['User:"ana"', undefined],
  ['User::"ana', undefined],
  ['User::"ana" ', undefined],
  [' User::"ana"', undefined],
  ['User ::"ana"', undefined],
  ['1User::"ana"', undefined],
  ['::User::"ana"', undefined],
  ['User::"a"b"', undefined],
  ['User::"\\x41"', undefined],
  ['User::"\\u0041"', undefined],
  ['User::"\\ud800"', undefined],
  ['User::"\n"', undefined],
  ['User::"ana" || true', undefined],
  ['principal == User::"ana"', undefined],
  ['Space::Deep::User::"ana"', 'Space::Deep::User ana'],
  ['Us::"ana"::"x"', undefined],
  ['', undefined],
])('an entity written as %s is read as %s, in one spelling alone', (written, expected) => {
  const uid = parseUid(written)
  expect(uid && `${uid.type} ${uid.id}`).toBe(expected)
})
