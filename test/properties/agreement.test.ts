import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Decision } from '../../src/core/policy/decision.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { anyPolicies, type Drawn, names, policiesAs, policyChange } from './decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from './decide-world.ts'

const written = (await changesOf(STORIES)).filter(({ tenant, kind }) => tenant !== 'a' || kind !== 'policy')
const stated = (name: string, state: string) =>
  change('a', 'condition', name, { condition: name, type: 'test', config: { state } })
const base = [...written, stated('holding', 'holds'), stated('failing', 'fails')]
const ground = applyChanges(emptySnapshot(), base, PORTS)
const more = (snapshot: Snapshot, ...changes: readonly Change[]) => applyChanges(snapshot, changes, PORTS)
const asks: fc.Arbitrary<Ask> = fc.record({
  user: fc.constantFrom(ana('a'), ana('a', 'ada'), ana('a', 'new')),
  tool: fc.constantFrom('get_order', 'cancel_order'),
  input: fc.record({ customer_id: fc.constantFrom('c-42', 'c-77'), amount: fc.constantFrom(1, 1000) }),
  kind: fc.constantFrom('call' as const, 'call' as const, 'list' as const, 'enter' as const),
})
const drawn = fc.record({ policies: anyPolicies, ask: asks })

/** A decision but for the revision of the view that made it. */
function plain({ revision: _, ...decision }: Decision) {
  return decision
}
const decided = (snapshot: Snapshot, ask: Ask) => plain(decide(request(ask), snapshot, NOW))

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void, numRuns = 300): void {
  fc.assert(fc.property(arbitrary, check), { numRuns })
}

describe('the same question', () => {
  it('is answered the same whether anything was asked before or not, alone or among others', () => {
    const batch = fc.record({ policies: anyPolicies, asked: fc.array(asks, { minLength: 1, maxLength: 6 }) })
    holds(batch, ({ policies, asked }) => {
      const changes = policiesAs('a', policies)
      const warm = more(ground, ...changes)
      const together = asked.map((ask) => decided(warm, ask))
      expect(asked.map((ask) => decided(warm, ask))).toEqual(together)
      expect(asked.map((ask) => decided(more(ground, ...changes), ask))).toEqual(together)
    })
  })

  it('is answered the same by a view that was read at once and one that came change by change', () => {
    holds(
      drawn,
      ({ policies, ask }) => {
        const changes = [...base, ...policiesAs('a', policies)]
        const atOnce = applyChanges(emptySnapshot(), changes, PORTS)
        const oneByOne = changes.reduce((view, each) => more(view, each), emptySnapshot())
        expect(decided(oneByOne, ask)).toEqual(decided(atOnce, ask))
      },
      60,
    )
  })

  it('is answered the same after a policy came and went again', () => {
    const other = fc.record({ policies: anyPolicies, ask: asks, other: anyPolicies })
    holds(other, ({ policies, ask, other: passing }) => {
      const before = more(ground, ...policiesAs('a', policies))
      const names = passing.map((_, at) => `passing${at}`)
      const during = more(before, ...passing.map((policy, at) => policyChange('a', names[at] ?? '', policy)))
      decided(during, ask)
      const after = more(during, ...names.map((name) => change('a', 'policy', name, null)))
      expect(decided(after, ask)).toEqual(decided(before, ask))
    })
  })
})

describe('a policy that is written twice', () => {
  it('counts as one: no decision, and no reason for it, is another', () => {
    holds(drawn, ({ policies, ask }) => {
      const once = more(ground, ...policiesAs('a', policies))
      const twice = more(once, ...policies.map((policy, at) => policyChange('a', `again${at}`, policy)))
      const [one, other] = [decided(once, ask), decided(twice, ask)]
      expect([other.outcome, other.reason]).toEqual([one.outcome, one.reason])
    })
  })
})

describe('a stale fact', () => {
  it('is an absent fact: whatever the policies do with the condition, both decide the same', () => {
    const using = fc.record({
      policies: anyPolicies,
      ask: asks,
      clause: fc.constantFrom('when' as const, 'unless' as const),
      effect: fc.constantFrom('permit' as const, 'forbid' as const),
      type: fc.constantFrom('Agent', 'User'),
      action: fc.constantFrom<object>(
        { op: 'All' },
        { op: '==', entity: { type: 'Action', id: 'orders/get_order' } },
        { op: 'in', entity: { type: 'Action', id: '*write' } },
      ),
    })
    const seen = new Set<string>()
    holds(using, ({ policies, ask, clause, effect, type, action }) => {
      const policy: Drawn = {
        ...{ effect, action, resource: { op: 'All' }, annotations: {} },
        principal: { op: 'is', entity_type: type },
        conditions: [{ kind: clause, body: names('asked') }],
      }
      const world = more(ground, ...policiesAs('a', policies), policyChange('a', 'asking', policy))
      const [stale, missing, never] = ['stale', 'missing', undefined].map((state) =>
        decided(state === undefined ? world : more(world, stated('asked', state)), ask),
      )
      expect(stale?.outcome).toBe(missing?.outcome)
      expect(never?.outcome).toBe(missing?.outcome)
      seen.add(missing?.reason ?? '')
    })
    expect(seen).toContain('condition.missing')
    expect(seen.size).toBeGreaterThan(1)
  })
})
