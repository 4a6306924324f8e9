import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  buildEntities,
  type CedarPolicy,
  type Entities,
  type EntityUid,
  entityUid,
  preparePolicy,
  record,
} from './cedar/cedar.ts'
import { EMPTY_INDEX, policiesInScope as inScope, type PolicyIndex } from './policy-index.ts'
import { changePolicies, NO_POLICIES, type PolicySet } from './policy-set.ts'

const GROUPS = ['desk', 'emea', 'all']
const agents = ['a', 'b', 'c'].map((id) => entityUid('Agent', id))
const users = ['u', 'v'].map((id) => entityUid('User', id))
const groups = GROUPS.map((id) => entityUid('AgentGroup', id))
const actions = ['orders/get', 'orders/put', 'files/get'].map((id) => entityUid('Action', id))
const actionGroups = ['orders/*read', '*read', '*any'].map((id) => entityUid('Action', id))
const resources = ['orders', 'files'].map((id) => entityUid('Resource', id))
const resourceGroups = [entityUid('Folder', 'shared')]
const one = <T>(items: readonly T[]) => fc.constantFrom(...items)
/** Nested three deep and crosswise, so that an entity stands under some of them and some others under it. */
const worlds: fc.Arbitrary<Entities> = fc
  .record({
    agents: fc.array(fc.subarray(groups), { minLength: 3, maxLength: 3 }),
    nested: fc.subarray([0, 1]),
    actions: fc.array(fc.subarray(actionGroups), { minLength: 3, maxLength: 3 }),
    resources: fc.array(fc.subarray(resourceGroups), { minLength: 2, maxLength: 2 }),
  })
  .map((drawn) => {
    const within = (items: readonly EntityUid[], parents: readonly (readonly EntityUid[])[]) =>
      items.map((uid, at) => ({ uid, parents: parents[at] ?? [] }))
    const above = groups.map((_, at) => (drawn.nested.includes(at) ? groups.slice(at + 1, at + 2) : []))
    const built = buildEntities([
      ...within(agents, drawn.agents),
      ...within(groups, above),
      ...within(actions, drawn.actions),
      ...within(resources, drawn.resources),
    ])
    if (!built.ok) throw new Error(built.error.says)
    return built.value
  })

const json = ({ type, id }: EntityUid) => ({ type, id })
function constraints(entities: readonly EntityUid[], many: boolean): fc.Arbitrary<object> {
  const each = one(entities).map(json)
  const within = { op: fc.constant('in'), entity: each }
  const type = one(entities).map((uid) => uid.type)
  return fc.oneof(
    fc.constant({ op: 'All' }),
    fc.record({ op: fc.constant('=='), entity: each }),
    many
      ? fc.record({ op: fc.constant('in'), entities: fc.array(each, { maxLength: 4 }) })
      : fc.record(within),
    fc.record({ op: fc.constant('is'), entity_type: type }),
    fc.record({ op: fc.constant('is'), entity_type: type, in: fc.record({ entity: each }) }),
  )
}
const scopes = fc.record({
  effect: one(['permit', 'forbid']),
  principal: constraints([...agents, ...groups, ...users], false),
  action: constraints([...actions, ...actionGroups], true),
  resource: constraints([...resources, ...resourceGroups], false),
  conditions: fc.constant([]),
})
const policiesOf = (count: number) =>
  fc.array(scopes, { maxLength: count }).map((all) => all.map((est, at) => prepared(`p${at % 12}`, est)))
const requests = fc.record({
  principal: one([...agents, ...users]),
  action: one(actions),
  resource: one(resources),
  context: fc.constant(record(new Map())),
})

type Request = Parameters<CedarPolicy['inScope']>[0]
/** The question with what the store says of its parts. */
function policiesInScope(index: PolicyIndex, request: Request, entities: Entities) {
  const nothing = new Map<string, never>()
  const of = (uid: EntityUid) =>
    entities.get(uid.key) ?? { uid, attrs: nothing, tags: nothing, ancestors: new Set<string>() }
  const asked = {
    principal: of(request.principal),
    action: of(request.action),
    resource: of(request.resource),
  }
  return inScope(index, asked, entities)
}

function prepared(id: string, est: object): CedarPolicy {
  const read = preparePolicy(id, JSON.parse(JSON.stringify(est)))
  if (!read.ok) throw new Error(read.error.says)
  return read.value
}
const named = (policies: readonly CedarPolicy[]) => policies.map((policy) => [policy.id, policy] as const)
const ids = (policies: readonly CedarPolicy[]) => policies.map(({ id }) => id).sort()
/** What the index stands for: every policy of the set, each held against the request. */
const scanned = (set: PolicySet, request: Request, entities: Entities) =>
  ids([...set.byName.values()].filter((policy) => policy.inScope(request, entities)))

describe('the index of policies', () => {
  it('finds exactly those that a look at every policy finds, each once', () => {
    let met = 0
    fc.assert(
      fc.property(policiesOf(12), worlds, requests, (policies, entities, request) => {
        const set = changePolicies(NO_POLICIES, named(policies))
        const found = ids(policiesInScope(set.index, request, entities))
        met += found.length
        expect(found).toEqual(scanned(set, request, entities))
      }),
      { numRuns: 500 },
    )
    expect(met).toBeGreaterThan(100)
  })

  it('is the same whether policies came one by one, all at once, or in the place of others', () => {
    fc.assert(
      fc.property(
        policiesOf(30),
        worlds,
        requests,
        fc.array(fc.nat(11)),
        (policies, entities, request, gone) => {
          const changes = [...named(policies), ...gone.map((at) => [`p${at}`, undefined] as const)]
          const once = changePolicies(NO_POLICIES, changes)
          const apart = changes.reduce((set, change) => {
            const before = ids(policiesInScope(set.index, request, entities))
            const next = changePolicies(set, [change])
            expect(ids(policiesInScope(set.index, request, entities))).toEqual(before)
            return next
          }, NO_POLICIES)
          const wanted = scanned(apart, request, entities)
          expect(ids(policiesInScope(apart.index, request, entities))).toEqual(wanted)
          expect(ids(policiesInScope(once.index, request, entities))).toEqual(wanted)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('keeps nothing of policies that are gone', () => {
    fc.assert(
      fc.property(policiesOf(12), (policies) => {
        const set = changePolicies(NO_POLICIES, named(policies))
        const left = changePolicies(
          set,
          ids(policies).map((id) => [id, undefined] as const),
        )
        expect(left.index).toEqual(EMPTY_INDEX)
      }),
    )
  })

  it('finds a policy that lists more actions than it is filed under', () => {
    const entities = Array.from({ length: 100 }, (_, at) => ({ type: 'Action', id: `tool-${at}` }))
    const est = { effect: 'permit', action: { op: 'in', entities }, conditions: [] }
    const policy = prepared('many', { ...est, principal: { op: 'All' }, resource: { op: 'All' } })
    const { index } = changePolicies(NO_POLICIES, named([policy]))
    const store = buildEntities([])
    const ask = (tool: string) => ({
      principal: entityUid('Agent', 'a'),
      action: entityUid('Action', tool),
      resource: entityUid('Resource', 'orders'),
      context: record(new Map()),
    })
    if (!store.ok) throw new Error(store.error.says)
    expect(ids(policiesInScope(index, ask('tool-77'), store.value))).toEqual(['many'])
    expect(policiesInScope(index, ask('tool-100'), store.value)).toEqual([])
  })

  it('touches a handful of ten thousand policies that are about others', () => {
    const touched = new Set<string>()
    const policies = Array.from({ length: 10_000 }, (_, at) => {
      const principal = { op: '==', entity: { type: 'Agent', id: `a${at % 1000}` } }
      const action = { op: '==', entity: { type: 'Action', id: `orders/t${at % 100}` } }
      const est = { effect: 'permit', principal, action, resource: { op: 'All' }, conditions: [] }
      return new Proxy(prepared(`p${at}`, est), {
        get: (policy, key: keyof CedarPolicy) => {
          touched.add(policy.id)
          return policy[key]
        },
      })
    })
    const { index } = changePolicies(NO_POLICIES, named(policies))
    const request = {
      principal: entityUid('Agent', 'a7'),
      action: entityUid('Action', 'orders/t7'),
      resource: entityUid('Resource', 'orders'),
      context: record(new Map()),
    }
    touched.clear()
    expect(policiesInScope(index, request, new Map())).toHaveLength(10)
    expect(touched.size).toBeLessThanOrEqual(10)
  })
})
