import fc from 'fast-check'
import { entityUid } from '../../src/core/policy/cedar/cedar.ts'
import type { Change } from '../../src/core/registry.ts'
import { unfilled } from '../fuzz/unfilled.ts'
import { change } from './decide-world.ts'

/** A policy in Cedar's JSON form, from a small vocabulary where every clause can hold, miss, and some can fail. */
export type Drawn = {
  readonly effect: 'permit' | 'forbid'
  readonly principal: object
  readonly action: object
  readonly resource: object
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: object }[]
  readonly annotations: Readonly<Record<string, string>>
}

const entity = (type: string, id: string) => ({ op: '==', entity: { type, id } })
const all = { op: 'All' }
const attr = (left: object, name: string) => ({ '.': { left, attr: name } })
const variable = (Var: string) => ({ Var })
const value = (Value: unknown) => ({ Value })
const input = (name: string) => attr(attr(variable('context'), 'input'), name)

export const names = (condition: string) => ({
  contains: { left: attr(variable('context'), 'conditions'), right: value(condition) },
})
export const FAILS = { '==': { left: attr(variable('principal'), 'nobody_has_it'), right: value(1) } }
export const TRUE = value(true)

const bodies = [
  TRUE,
  value(false),
  names('holding'),
  names('failing'),
  { '==': { left: input('customer_id'), right: value('c-42') } },
  { '==': { left: input('customer_id'), right: attr(variable('principal'), 'customer_id') } },
  { '<': { left: input('amount'), right: value(100) } },
  { '==': { left: attr(variable('principal'), 'kind'), right: value('customer') } },
]
const scoped = [
  { op: 'is', entity_type: 'Agent' },
  { op: 'is', entity_type: 'User' },
  entity('Agent', 'operator/support'),
  entity('User', 'ana@a.example'),
  entity('User', 'ada@a.example'),
]
const actions = [
  all,
  entity('Action', 'orders/get_order'),
  { op: 'in', entity: { type: 'Action', id: 'orders/*read' } },
  { op: 'in', entity: { type: 'Action', id: '*any' } },
]

function policies(effect: 'permit' | 'forbid'): fc.Arbitrary<Drawn> {
  const clause = fc.record({
    kind: fc.constantFrom('when' as const, 'unless' as const),
    body: fc.constantFrom(...bodies),
  })
  return fc.record({
    effect: fc.constant(effect),
    principal: fc.constantFrom(...(effect === 'permit' ? scoped : [...scoped, all])),
    action: fc.constantFrom(...actions),
    resource: fc.constantFrom(all, entity('Resource', 'orders'), entity('Resource', 'catalogue')),
    conditions: fc.array(clause, { maxLength: 2 }),
    annotations: fc.constantFrom({}, {}, { ask: '' }),
  })
}

/** Permits that often meet, so that a good share of what is drawn is allowed. */
const wide: Drawn[] = ['Agent', 'User'].map((entity_type) => ({
  effect: 'permit',
  principal: { op: 'is', entity_type },
  action: all,
  resource: all,
  conditions: [],
  annotations: {},
}))

export const anyPermit = policies('permit')
export const anyForbid = policies('forbid')
export const anyPolicies: fc.Arbitrary<readonly Drawn[]> = fc
  .tuple(fc.subarray(wide), fc.array(anyPermit, { maxLength: 4 }), fc.array(anyForbid, { maxLength: 2 }))
  .map((drawn) => drawn.flat())

export function policyChange(tenant: string, name: string, drawn: Drawn): Change {
  const est = JSON.stringify(drawn)
  return change(tenant, 'policy', name, { policy: name, effect: drawn.effect, text: '', est })
}

/** The same policy made of a template, in two documents: where its scope names somebody or something, there is a slot. */
export function linkedChanges(tenant: string, name: string, drawn: Drawn): Change[] {
  const made = unfilled(JSON.parse(JSON.stringify(drawn)), ['principal', 'resource'])
  if (made === undefined) return [policyChange(tenant, name, drawn)]
  const template = `${name}-template`
  const slots = Object.entries(made.slots).map(([slot, { type, id }]) => [slot, entityUid(type, id).key])
  const text = { effect: drawn.effect, text: '', est: JSON.stringify(made.template) }
  return [
    change(tenant, 'template', template, { template, ...text }),
    change(tenant, 'policy', name, { policy: name, template, ...Object.fromEntries(slots) }),
  ]
}

export function policiesAs(tenant: string, drawn: readonly Drawn[]): Change[] {
  return drawn.map((policy, index) => policyChange(tenant, `p${index}`, policy))
}
