import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conditionMaker } from '../../src/conditions/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Decision } from '../../src/core/policy/decision.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { epochMillis } from '../../src/core/time.ts'
import { ana, change, changesOf, NOW, policyChanges, request, STORIES } from './decide-world.ts'

const ports = { conditionTest: conditionMaker({ country: () => undefined }) }
const POLICIES = `
@id("by-day") permit (principal is Agent, action, resource)
  when { context.conditions.containsAll(["open", "office"]) && principal.proof == "attested" };
@id("their-own") permit (principal is User, action == Action::"orders/get_order", resource)
  when { context.input.customer_id == principal.customer_id };
@id("anybody") permit (principal is User, action == Action::"orders/cancel_order", resource)
  unless { context has address && context.address.isLoopback() };
@id("not-ada") forbid (principal == User::"ada@a.example", action == Action::"orders/cancel_order", resource);`
const AT_HOME = `
@id("home-hours") forbid (principal is Agent, action, resource) when { !context.conditions.contains("home-open") };`
const hours = (tenant: string, condition: string, to: string) =>
  change(tenant, 'condition', condition, {
    condition,
    type: 'time',
    config: { zone: 'UTC', from: '08:00', to },
  })
const changes = [
  ...(await changesOf(STORIES)).filter(({ kind }) => kind !== 'policy' && kind !== 'condition'),
  ...(await policyChanges('a', POLICIES)),
  ...(await policyChanges('operator', AT_HOME)),
  hours('a', 'open', '18:00'),
  hours('operator', 'home-open', '16:00'),
  change('a', 'condition', 'office', {
    condition: 'office',
    type: 'place',
    config: { networks: ['10.0.0.0/8', '127.0.0.0/8'] },
  }),
]
/** Built anew, a snapshot remembers nothing. */
const fresh = (): Snapshot => applyChanges(emptySnapshot(), changes, ports)

const asks = fc.record({
  kind: fc.constantFrom('enter' as const, 'enter' as const, 'list' as const, 'call' as const),
  tool: fc.constantFrom('get_order', 'cancel_order'),
  input: fc.constantFrom({ customer_id: 'c-42' }, { customer_id: 'c-77' }, {}),
  user: fc.constantFrom(ana('a'), ana('a', 'ada')),
  chain: fc.constantFrom({}, {}, { proof: 'enrolled' as const }, { scope: ['orders/get_order'] }),
  address: fc.constantFrom('10.0.0.7', '10.0.0.7', '192.168.1.1', '127.0.0.1'),
})
/** Before, within and after the hours of the one tenant and of the other. */
const hoursOn = fc.constantFrom(0, 0, 0, -5, 5, 7)
const told = ({ outcome, reason, explanation }: Decision) => ({ outcome, reason, explanation })

describe('a judgement that was made before', () => {
  it('is told again only when it would be made again', () => {
    let allowed = 0
    fc.assert(
      fc.property(fc.array(fc.tuple(asks, hoursOn), { minLength: 2, maxLength: 12 }), (sequence) => {
        const kept = fresh()
        for (const [ask, shift] of sequence) {
          const at = epochMillis(NOW + shift * 3_600_000)
          const asked = request({ ...ask, chain: { ...ask.chain, expires: 9_999_999_999 as never } })
          const now = told(decide(asked, kept, at))
          expect(now).toEqual(told(decide(asked, fresh(), at)))
          if (now.outcome === 'allow') allowed += 1
        }
      }),
      { numRuns: 150 },
    )
    expect(allowed).toBeGreaterThan(50)
  })

  it('is of one version of a tenant: a policy that forbids counts at once', async () => {
    const before = fresh()
    const asked = request({ kind: 'enter', user: ana('a'), address: '10.0.0.7' })
    expect(decide(asked, before, NOW).outcome).toBe('allow')
    const forbid = await policyChanges('a', '@id("no") forbid (principal is User, action, resource);')
    expect(decide(asked, applyChanges(before, forbid, ports), NOW).outcome).toBe('deny')
    const away = change('operator', 'agent', 'support', null)
    expect(decide(asked, applyChanges(before, [away], ports), NOW).outcome).toBe('deny')
    expect(decide(asked, before, NOW).outcome).toBe('allow')
  })
})
