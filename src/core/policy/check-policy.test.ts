import { describe, expect, it, test } from 'vitest'
import { policyChanges } from '../../../test/properties/decide-world.ts'
import { emptyMap } from '../persistent-map.ts'
import type { Refusal } from '../refusal.ts'
import type { Result } from '../result.ts'
import { isDeclared } from './built-in-resources.ts'
import { makePolicy } from './linked-policies.ts'
import { linkedPolicySchema, type Template, type WrittenPolicy } from './policy.ts'
import { readPolicy, readTemplate } from './policy-set.ts'
import type { Resource } from './resource.ts'

const UNSCOPED =
  'permit `p` must say whom it is for: `principal is Agent`, `principal is User`, or one of them or of their groups by name'
const UNREADABLE =
  'policy `p` must name its conditions: use `context.conditions` only with contains, containsAll or containsAny and names written out'

function told(read: Result<unknown, Refusal>): string {
  return read.ok ? 'ok' : `${read.error.refused} ${read.error.reason}: ${read.error.says}`
}
async function document(text: string): Promise<Template | WrittenPolicy> {
  const [found] = await policyChanges('a', `@id("p") ${text}`)
  return found?.doc as unknown as Template | WrittenPolicy
}
async function read(text: string): Promise<string> {
  const doc = await document(text)
  return told('template' in doc ? readTemplate(doc) : readPolicy(doc))
}

describe('what is written', () => {
  it.each([
    ['permit (principal is User, action, resource);', 'ok'],
    ['forbid (principal, action, resource);', 'ok'],
    ['forbid (principal, action, resource == ?resource);', 'ok'],
    ['permit (principal == ?principal, action, resource);', 'ok'],
    ['permit (principal in ?principal, action, resource == ?resource);', 'ok'],
    ['permit (principal is User in ?principal, action, resource);', 'ok'],
    ['permit (principal is Agent, action, resource == ?resource);', 'ok'],
    ['permit (principal, action, resource);', `malformed policy.unscoped: ${UNSCOPED}`],
    ['permit (principal, action, resource == ?resource);', `malformed policy.unscoped: ${UNSCOPED}`],
    ['permit (principal is Thing, action, resource == ?resource);', `malformed policy.unscoped: ${UNSCOPED}`],
    [
      'permit (principal is User, action, resource) when { context.conditions == ["x"] };',
      `malformed policy.conditions_unreadable: ${UNREADABLE}`,
    ],
    [
      'forbid (principal == ?principal, action, resource) unless { context has conditions };',
      `malformed policy.conditions_unreadable: ${UNREADABLE}`,
    ],
  ])('%s is taken, or refused with what to do', async (text, expected) => {
    expect(await read(text)).toBe(expected)
  })

  it.each<[string, Partial<Template>, string]>([
    ['that is not JSON', { est: '{' }, 'malformed policy.malformed: policy `p` is not JSON'],
    [
      'of another effect',
      { effect: 'forbid' },
      'malformed policy.malformed: policy `p` is stored as what it is not',
    ],
    [
      'without a slot',
      {
        est: '{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]}',
      },
      'malformed policy.malformed: a template without a slot',
    ],
  ])('as a template %s is refused', async (_what, over, expected) => {
    const doc = (await document('permit (principal == ?principal, action, resource);')) as Template
    expect(told(readTemplate({ ...doc, ...over }))).toBe(expected)
  })

  it('is kept for the second engine as it was written, or in its JSON form where only that is known', async () => {
    const doc = (await document('permit (principal == ?principal, action, resource);')) as Template
    const source = (over: Partial<Template>) => {
      const read = readTemplate({ ...doc, ...over })
      return read.ok ? read.value.source : undefined
    }
    expect(source({})).toBe(doc.text)
    expect(source({ text: '' })).toBe(doc.est)
  })
})

describe('what is made of a template', () => {
  const make = async (text: string, slots: object) => {
    const doc = (await document(text)) as Template
    const template = readTemplate(doc)
    if (!template.ok) throw new Error(template.error.says)
    const link = linkedPolicySchema.parse({ policy: 'p', template: 'p', ...slots })
    const made = makePolicy(link, { get: (name) => (name === 'p' ? template.value : undefined) })
    return made
  }
  const IN = 'permit (principal in ?principal, action, resource);'
  it.each([
    [IN, { principal: 'User::"ana"' }, 'ok'],
    [IN, { principal: 'AgentGroup::"crew"' }, 'ok'],
    [IN, { principal: 'Resource::"orders"' }, `malformed policy.unscoped: ${UNSCOPED}`],
    [IN, {}, 'malformed policy.slot_missing: template `p` has a slot ?principal: give `principal` a value'],
    [
      IN,
      { principal: 'User::"ana"', resource: 'Resource::"x"' },
      'malformed policy.slot_unknown: template `p` has no slot ?resource',
    ],
    ['forbid (principal == ?principal, action, resource);', { principal: 'Resource::"x"' }, 'ok'],
  ])('is held to the same: %s with %j', async (text, slots, expected) => {
    expect(told(await make(text, slots))).toBe(expected)
  })
  it('is told which slot it is about', async () => {
    expect(await make(IN, {})).toMatchObject({ error: { facts: { slot: 'principal' } } })
  })
  it('needs its template', () => {
    const none = makePolicy({ policy: 'p', template: 't' }, emptyMap())
    expect(told(none)).toBe('malformed policy.unknown_template: there is no template `t`')
  })
})

test.each(['facts', 'authzen'])('%s is built in, so nobody declares it', (resource) => {
  expect(isDeclared({ resource } as Resource)).toBe(false)
  expect(isDeclared({ resource: `${resource}2` } as Resource)).toBe(true)
})
