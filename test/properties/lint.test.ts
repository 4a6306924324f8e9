import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { TenantName } from '../../src/core/ids.ts'
import type { Condition } from '../../src/core/policy/condition.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { type Finding, NEVER } from '../../src/core/policy/lint/finding.ts'
import { lintPolicies } from '../../src/core/policy/lint/lint-policies.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { type Drawn, policyChange } from './decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from './decide-world.ts'

const variable = (Var: string) => ({ Var })
const attr = (left: object, name: string) => ({ '.': { left, attr: name } })
const value = (Value: unknown) => ({ Value })
const binary = (op: string, left: object, right: object) => ({ [op]: { left, right } })
const context = (name: string) => attr(variable('context'), name)
const input = (name: string) => attr(context('input'), name)
const principal = (name: string) => attr(variable('principal'), name)
const named = (name: string) => binary('contains', context('conditions'), value(name))
const entity = (type: string, id: string) => value({ __entity: { type, id } })

const atoms = [
  ...[value(true), value(false), binary('==', value(1), value(2))],
  ...['early', 'late', 'steady'].map(named),
  binary('containsAll', context('conditions'), { Set: [value('early'), value('steady')] }),
  binary('containsAny', context('conditions'), { Set: [value('early'), value('late')] }),
  ...['c-42', 'c-77'].map((id) => binary('==', input('customer_id'), value(id))),
  binary('!=', value('c-42'), input('customer_id')),
  ...[1, 100].flatMap((bound) =>
    ['<', '<=', '>', '>='].map((op) => binary(op, input('amount'), value(bound))),
  ),
  binary('>', value(50), input('amount')),
  ...['customer', 'workforce', 'sales'].map((kind) => binary('==', principal('kind'), value(kind))),
  ...['c-42', 'nobody'].map((id) => binary('==', principal('customer_id'), value(id))),
  ...['mcp', 'postgres'].map((kind) => binary('==', attr(variable('resource'), 'kind'), value(kind))),
  binary('contains', attr(variable('resource'), 'labels'), value('internal')),
  binary('==', variable('principal'), entity('User', 'ana@a.example')),
  { has: { left: variable('context'), attr: 'user' } },
  { has: { left: variable('principal'), attr: 'customer_id' } },
  { is: { left: variable('principal'), entity_type: 'User' } },
  binary('==', context('user'), entity('User', 'ana@a.example')),
]
const bodies: fc.Arbitrary<object> = fc.letrec<{ body: object }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(...atoms),
    fc.record({ arg: tie('body') }).map((arg) => ({ '!': arg })),
    fc
      .record({ op: fc.constantFrom('&&', '||'), left: tie('body'), right: tie('body') })
      .map(({ op, left, right }) => binary(op, left, right)),
  ),
})).body

const is = (entity_type: string) => ({ op: 'is', entity_type })
const same = (type: string, id: string) => ({ op: '==', entity: { type, id } })
const group = (id: string) => ({ op: 'in', entity: { type: 'Action', id } })
const policies = fc.record({
  effect: fc.constantFrom('permit' as const, 'permit' as const, 'forbid' as const),
  principal: fc.constantFrom(
    ...[is('Agent'), is('User'), same('Agent', 'operator/support'), same('Agent', 'gone')],
    ...[same('User', 'ana@a.example'), same('User', 'nobody')],
  ),
  action: fc.constantFrom(
    ...[{ op: 'All' }, same('Action', 'orders/get_order'), same('Action', 'catalogue/list_products')],
    ...[group('orders/*read'), group('orders/*any'), group('*any'), group('catalogue/*write')],
  ),
  resource: fc.constantFrom({ op: 'All' }, same('Resource', 'orders'), same('Resource', 'catalogue')),
  conditions: fc.array(
    fc.record({ kind: fc.constantFrom('when' as const, 'unless' as const), body: bodies }),
    {
      maxLength: 3,
    },
  ),
  annotations: fc.constantFrom({}, {}, {}, { ask: '' }, { claimed: 'yes' }),
})

/** Where an agent may go at all, so that policy is asked: alone to the catalogue, for somebody to the orders. */
const places = fc.oneof(
  fc.constant({ user: undefined, resource: 'catalogue', tool: 'list_products' }),
  fc.record({
    user: fc.constantFrom(ana('a'), ana('a', 'ada'), ana('a', 'new')),
    resource: fc.constant('orders'),
    tool: fc.constantFrom('get_order', 'cancel_order'),
  }),
)
const asks: fc.Arbitrary<Ask> = fc
  .record({
    place: places,
    input: fc.record({
      customer_id: fc.constantFrom('c-42', 'c-77'),
      amount: fc.constantFrom(0, 1, 2, 49, 50, 51, 99, 100, 101),
    }),
    kind: fc.constantFrom('call' as const, 'call' as const, 'enter' as const, 'list' as const),
    chain: fc.constantFrom({}, {}, { proof: 'claimed' as const }),
    address: fc.constantFrom('10.0.0.1', '203.0.113.7'),
  })
  .map(({ place, ...ask }) => ({ ...place, ...ask }))

/** `early` and `late` never hold together; which of them holds is drawn. */
const hours = (early: boolean, steady: boolean): Change[] =>
  Object.entries({ early, late: !early, steady }).map(([name, holds]) =>
    change('a', 'condition', name, {
      ...{ condition: name, type: 'test', config: { state: holds ? 'holds' : 'fails' } },
    }),
  )
const excludeEachOther = (one: Condition, other: Condition) =>
  [one, other]
    .map(({ condition }) => condition)
    .sort()
    .join() === 'early,late'

const base = (await changesOf(STORIES)).filter(({ tenant, kind }) => tenant !== 'a' || kind !== 'policy')
const ground = applyChanges(emptySnapshot(), [...base, ...hours(true, true)], PORTS)
const everyone = (effect: 'permit' | 'forbid'): Drawn[] =>
  effect === 'permit' ? [] : [allOf('Agent'), allOf('User')]
const allOf = (type: string): Drawn => ({
  ...{ effect: 'permit', principal: is(type), action: { op: 'All' }, resource: { op: 'All' } },
  ...{ conditions: [], annotations: { claimed: 'yes' } },
})

function lint(snapshot: Snapshot): readonly Finding[] {
  const tenant = snapshot.tenants.get('a' as TenantName)
  if (!tenant) throw new Error('there is no tenant')
  return lintPolicies({ tenant, snapshot, excludeEachOther })
}
/** Beside what is drawn, so that a side that is not looked at lets more through. */
const extras = fc.constantFrom(
  [],
  [allOf('User')],
  [allOf('Agent'), allOf('User')],
  [{ ...allOf('Agent'), annotations: {} }, allOf('User')],
)
const policiesOf = (drawn: readonly Drawn[]) =>
  drawn.map((each, index) => policyChange('a', `p${index}`, each))
const holding = fc.record({ early: fc.boolean(), steady: fc.boolean() })

describe('what lint says', () => {
  it('would show if it were wrong: policies that it says nothing of are met', () => {
    let met = 0
    for (const { drawn, ask } of fc.sample(fc.record({ drawn: policies, ask: asks }), {
      numRuns: 1000,
      seed: 7,
    })) {
      const snapshot = applyChanges(ground, policiesOf([drawn, ...everyone(drawn.effect)]), PORTS)
      if (decide(request(ask), snapshot, NOW).explanation.sides.some((side) => side.policies.includes('p0')))
        met += 1
    }
    expect(met).toBeGreaterThan(20)
  })

  it('is all that it can say of what is drawn', () => {
    const alone = fc.sample(policies, { numRuns: 4000, seed: 7 }).map((each) => [each])
    const together = fc.sample(fc.array(policies, { minLength: 3, maxLength: 5 }), { numRuns: 1500, seed: 7 })
    const codes = [...alone, ...together].flatMap((drawn) =>
      lint(applyChanges(ground, policiesOf(drawn), PORTS)).map(({ code }) => code),
    )
    expect([...new Set(codes)]).toEqual(
      expect.arrayContaining([...NEVER, 'lint.shadowed', 'lint.under_forbid']),
    )
  })

  it('can never match never matches', () => {
    fc.assert(
      fc.property(
        policies,
        fc.array(asks, { minLength: 8, maxLength: 8 }),
        holding,
        (drawn, all, { early, steady }) => {
          const [finding] = lint(applyChanges(ground, policiesOf([drawn]), PORTS)).filter(({ code }) =>
            NEVER.has(code),
          )
          if (finding === undefined) return
          // Whatever it is about is let through otherwise, so that it would show if it were met.
          const others = [...everyone(drawn.effect), allOf(drawn.principal === is('User') ? 'Agent' : 'User')]
          const snapshot = applyChanges(
            ground,
            [...policiesOf([drawn, ...others]), ...hours(early, steady)],
            PORTS,
          )
          for (const ask of all) {
            const { sides } = decide(request(ask), snapshot, NOW).explanation
            for (const side of sides)
              if (side.outcome !== 'depends') expect(side.policies).not.toContain('p0')
          }
        },
      ),
      { numRuns: 2500 },
    )
  })

  it('adds nothing, or permits nothing, can be taken away and nothing more is refused or allowed', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.array(policies, { minLength: 1, maxLength: 4 }), extras).map((both) => both.flat()),
        fc.array(asks, { minLength: 8, maxLength: 8 }),
        (drawn, all) => {
          const snapshot = applyChanges(ground, policiesOf(drawn), PORTS)
          const found = lint(snapshot).find(
            ({ code }) => code === 'lint.shadowed' || code === 'lint.under_forbid',
          )
          if (found === undefined || !('policy' in found.about)) return
          const name = found.about.policy
          const without = applyChanges(snapshot, [change('a', 'policy', name, null)], PORTS)
          for (const ask of all) {
            const [before, after] = [snapshot, without].map((each) => decide(request(ask), each, NOW))
            // By an error, or by a fact that is missing, a policy refuses beside what it says.
            if (before?.reason === 'policy.error' || before?.reason.startsWith('condition.')) continue
            // Of an entry the reason is told of one tool, and another may be the one that it errs for.
            if (ask.kind === 'enter' && before?.outcome === 'deny') continue
            expect(after?.outcome).toBe(before?.outcome)
          }
        },
      ),
      { numRuns: 1500 },
    )
  })
})
