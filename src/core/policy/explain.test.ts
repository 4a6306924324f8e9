import { describe, expect, it } from 'vitest'
import {
  type Ask,
  ana,
  change,
  NOW,
  PORTS,
  policyChanges,
  request,
  STORIES,
  snapshotOf,
} from '../../../test/properties/decide-world.ts'
import { applyChanges } from '../apply-changes.ts'
import { decide } from './decide.ts'
import { explain } from './explain.ts'
import { renderExplanation } from './render-explanation.ts'

const stories = await snapshotOf(STORIES)
const told = (ask: Ask, snapshot = stories) => renderExplanation(explain(request(ask), snapshot, NOW))
const pipeline: Ask = {
  tenant: 'operator',
  agent: 'operator/pipeline',
  resource: 'warehouse',
  tool: 'read:orders_daily',
}

describe('the long explanation', () => {
  it('names the nearest permit, the clause that missed and both values', () => {
    expect(told({ user: ana('a'), input: { customer_id: 'c-77' } })).toEqual([
      'DENIED   operator/support for ana@a.example (tenant a)  →  orders/get_order',
      '  agent   permitted by support-uses-orders',
      '  user    no permit. Nearest: own-orders',
      '            context.input.customer_id == principal.customer_id',
      '            "c-77" is not "c-42"',
      '  by      delegation support-desk',
      '  reason  user.no_permit',
      '  To allow it, ana@a.example needs a permit for it. Nothing about the agent is missing.',
    ])
  })

  it('says who permitted what was allowed', () => {
    expect(told({ user: ana('a'), input: { customer_id: 'c-42' } })).toEqual([
      'ALLOWED  operator/support for ana@a.example (tenant a)  →  orders/get_order',
      '  agent   permitted by support-uses-orders',
      '  user    permitted by own-orders',
      '  by      delegation support-desk',
      '  ends    in 60 s (2026-11-24 12:01:00 UTC): the token; a new one can be had as long as the session lasts',
      '          at once, when revoked: tenant a, resource orders, agent operator/support, admission operator/support, user ana@a.example, key jkt-1, session ses_1, delegation support-desk',
    ])
  })

  it('names a linked policy with its template, whose text a person must look at', async () => {
    const link = (policy: string, template: string, name: string) =>
      change('a', 'policy', policy, { policy, template, principal: `User::"${name}@a.example"` })
    const templates = await policyChanges(
      'a',
      `@id("reads") permit (principal is User in ?principal, action == Action::"orders/get_order", resource)
       when { context.input.customer_id == principal.customer_id };
       @id("stops") forbid (principal == ?principal, action, resource) when { context.input.customer_id == "c-42" };
       @id("errs") forbid (principal == ?principal, action, resource) when { principal.customer_id == "x" };`,
    )
    const world = applyChanges(
      stories,
      [
        ...[...templates, link('ana-reads', 'reads', 'ana'), link('new-errs', 'errs', 'new')],
        change('a', 'policy', 'own-orders', null),
      ],
      PORTS,
    )
    const userLines = (ask: Ask, snapshot = world) => told(ask, snapshot).slice(2, 5)
    const own = { user: ana('a'), input: { customer_id: 'c-42' } }
    expect(userLines(own)[0]).toBe('  user    permitted by ana-reads (template reads)')
    expect(userLines({ ...own, input: { customer_id: 'c-77' } })).toEqual([
      '  user    no permit. Nearest: ana-reads (template reads)',
      '            context.input.customer_id == principal.customer_id',
      '            "c-77" is not "c-42"',
    ])
    // What a slot was filled with is what the scope says.
    expect(userLines({ user: ana('a', 'ada'), input: { customer_id: 'c-77' } })[0]).toBe(
      '  user    no permit.',
    )
    expect(userLines({ user: ana('a', 'new'), input: { customer_id: 'c-1' } })[0]).toBe(
      '  user    could not be judged: new-errs (template errs)',
    )
    const stopped = applyChanges(world, [link('ana-stops', 'stops', 'ana')], PORTS)
    expect(userLines(own, stopped)[0]).toBe('  user    forbidden by ana-stops (template stops)')
    const { sides } = explain(request(own), stopped, NOW)
    expect(sides[1]?.matched).toMatchObject([{ policy: 'ana-stops', template: 'stops' }])
    expect(sides[0]?.matched[0]).not.toHaveProperty('template')
  })

  it('says which forbid matched, by what, and that no permit outweighs it', async () => {
    const forbids = await policyChanges(
      'a',
      `@id("no-strangers") forbid (principal is User, action, resource) when { context.input.customer_id == "c-42" } unless { principal.customer_id == "c-77" };
       @id("closed") forbid (principal is User, action, resource);`,
    )
    const snapshot = applyChanges(stories, forbids, PORTS)
    expect(told({ user: ana('a'), input: { customer_id: 'c-42' } }, snapshot).slice(2)).toEqual([
      '  user    forbidden by closed, no-strangers',
      '            by no-strangers',
      '            context.input.customer_id == "c-42"',
      '            "c-42" is "c-42"',
      '            unless principal.customer_id == "c-77"',
      '            "c-42" is not "c-77"',
      '  by      delegation support-desk',
      '  reason  policy.forbidden',
      '  No permit outweighs a forbid: it must be taken away, or be written more narrowly.',
    ])
  })

  it('quotes no permit about another resource, whether its scope or its actions say so', async () => {
    const permit = await policyChanges(
      'a',
      '@id("elsewhere") permit (principal is User, action == Action::"catalogue/list_products", resource);',
    )
    const snapshot = applyChanges(stories, permit, PORTS)
    const ask: Ask = { user: ana('a'), tool: 'cancel_order', input: { customer_id: 'c-42' } }
    const explained = explain(request(ask), snapshot, NOW)
    expect(explained.reason).toBe('user.no_permit')
    expect(explained.sides.flatMap(({ nearest }) => nearest.map(({ policy }) => policy))).toEqual([
      'own-orders',
    ])
    expect(JSON.stringify(explained)).not.toContain('catalogue')
  })

  it('does not show whom a guest belongs to, though a policy compared it', async () => {
    const permit = await policyChanges(
      'a',
      '@id("support-uses-orders") permit (principal is Agent, action, resource) when { principal.owner == "dana@operator.example" };',
    )
    const explained = explain(
      request({ user: ana('a'), input: { customer_id: 'c-42' } }),
      applyChanges(stories, permit, PORTS),
      NOW,
    )
    expect(explained.sides[0]?.nearest[0]?.says).toBe('what its home says is not "dana@operator.example"')
    expect(JSON.stringify(explained)).not.toContain('lee@')
  })

  it('names conditions with their facts', () => {
    const off = { condition: 'business-hours', type: 'test', config: { state: 'fails' } }
    const snapshot = applyChanges(stories, [change('operator', 'condition', 'business-hours', off)], PORTS)
    expect(told(pipeline, snapshot)).toEqual([
      'DENIED   pipeline (tenant operator)  →  warehouse/read:orders_daily',
      '  agent   no permit. Nearest: pipeline-reads',
      '            context.conditions.containsAll(["business-hours", "healthy"])',
      '            ["healthy"] lacks "business-hours"',
      '  fact    business-hours is false: as the test says',
      '  fact    healthy holds: as the test says',
      '  reason  condition.false',
      '  It is allowed once `business-hours` holds.',
    ])
  })

  it('says of a policy that could not be judged what it lacked', () => {
    const lines = told({ user: ana('a', 'new'), input: { customer_id: 'c-42' } })
    expect(lines[2]).toBe('  user    could not be judged: own-orders')
    expect(lines.join('\n')).toContain('customer_id')
  })

  it('explains an entry by the tool that came furthest', () => {
    const lines = told({ ...pipeline, agent: 'operator/scanner', kind: 'enter' })
    expect(lines[0]).toBe('DENIED   scanner (tenant operator)  →  enter warehouse')
  })

  it('says why before policy is asked at all', () => {
    expect(told({ user: ana('a'), agent: 'operator/pipeline' })).toEqual([
      'DENIED   operator/pipeline for ana@a.example (tenant a)  →  orders/get_order',
      '  reason  agent.not_admitted',
      '  Agent `operator/pipeline` is not admitted to this tenant.',
    ])
  })

  it('says what was revoked and who lifts it, but of a home only that it did', () => {
    const stop = (tenant: string) =>
      change(tenant, 'revocation', 'agent:operator/support', {
        ...{ revocation: 'agent:operator/support', standing: true, reason: 'INC-219' },
      })
    const lines = (tenant: string) =>
      told({ user: ana('a') }, applyChanges(stories, [stop(tenant)], PORTS)).slice(2)
    expect(lines('a')).toEqual([
      '  agent operator/support was revoked: INC-219',
      '  If that is resolved: countersign restore agent operator/support --tenant a --reason <text>',
    ])
    expect(lines('operator')).toEqual(["  It was revoked at the agent's home, which alone can lift it."])
  })

  it('writes out the delegation that is missing', () => {
    expect(told({ user: ana('a'), tool: 'audit_order' }).at(-1)).toBe(
      '  As a document: { delegation: <name>, agent: operator/support, user: ana@a.example, tools: ["orders/audit_order"] }',
    )
  })

  it("names nothing of a guest's home", async () => {
    const forbid = await policyChanges(
      'operator',
      '@id("secret") forbid (principal == Agent::"support", action, resource);',
    )
    const snapshot = applyChanges(stories, forbid, PORTS)
    const ask: Ask = { user: ana('a'), input: { customer_id: 'c-42' } }
    expect(JSON.stringify(explain(request(ask), snapshot, NOW))).not.toContain('secret')
    expect(told(ask, snapshot)).toContain('  home    forbidden')
  })

  it('always gives the decision that was made', () => {
    for (const ask of [pipeline, { ...pipeline, kind: 'list' as const }, { user: ana('a') }, {}]) {
      const asked = request(ask)
      expect(explain(asked, stories, NOW).reason).toBe(decide(asked, stories, NOW).reason)
    }
  })
})
