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
import type { AgentId, Revision, TenantName } from '../ids.ts'
import type { Link } from '../lifecycle/revocation.ts'
import type { Change } from '../registry.ts'
import type { Snapshot } from '../snapshot.ts'
import { type EpochSeconds, epochMillis } from '../time.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'

const stories = await snapshotOf(STORIES)
const ANA = ana('a')
const own: Ask = { user: ANA, input: { customer_id: 'c-42', order_id: 'o-1' } }
const pipeline: Ask = {
  tenant: 'operator',
  agent: 'operator/pipeline',
  resource: 'warehouse',
  tool: 'read:orders_daily',
}

function answer(ask: Ask, snapshot: Snapshot = stories, now = NOW): Decision {
  return decide(request(ask), snapshot, now)
}
function changed(...changes: Change[]): Snapshot {
  return applyChanges(stories, changes, PORTS)
}
function saysOf(decision: Decision): string {
  return decision.outcome === 'allow' ? '' : decision.refusal.says
}

describe('a blended request', () => {
  it('is allowed where agent, user and delegation all agree, and says by which policies', () => {
    const decision = answer(own)
    expect(decision.outcome).toBe('allow')
    expect(decision.reason).toBe('allowed')
    expect(decision.explanation.delegation).toBe('support-desk')
    expect(decision.explanation.sides).toEqual([
      { principal: 'agent', outcome: 'permitted', policies: ['support-uses-orders'], erring: [] },
      { principal: 'user', outcome: 'permitted', policies: ['own-orders'], erring: [] },
    ])
  })

  it('is refused for another customer, in words that name the argument and what would be allowed', () => {
    const decision = answer({ ...own, input: { customer_id: 'c-77' } })
    expect(decision.reason).toBe('user.no_permit')
    expect(saysOf(decision)).toBe(
      'Not allowed: for ana@a.example, `operator/support` may use `orders/get_order` with customer_id "c-42" only.',
    )
  })

  it.each<[string, Ask, string]>([
    ['the user has no permit', { ...own, tool: 'cancel_order' }, 'user.no_permit'],
    ['no delegation covers the tool', { ...own, tool: 'audit_order' }, 'delegation.missing'],
    ['the tool does not exist', { ...own, tool: 'drop_order' }, 'tool.unknown'],
    ['the resource does not exist', { ...own, resource: 'nothing' }, 'resource.unknown'],
    ['the tenant does not exist', { ...own, tenant: 'c' }, 'tenant.unknown'],
    ['the input has another type', { ...own, input: { customer_id: 42 } }, 'input.invalid'],
    ['a required argument is absent', { ...own, input: { order_id: 'o-1' } }, 'input.invalid'],
    ['the user is of another tenant', { ...own, user: ana('b', 'bo') }, 'user.unknown'],
    ['the user lacks the attribute that the policy reads', { ...own, user: ana('a', 'new') }, 'policy.error'],
    ['the agent is not admitted', { ...own, agent: 'operator/pipeline' }, 'agent.not_admitted'],
    ['the agent is nobody', { tenant: 'operator', agent: 'operator/ghost' }, 'agent.unknown'],
    ['there is no user and the resource wants one', { ...own, user: undefined }, 'user.required'],
    [
      'a customer agent acts for a user where data is not bound',
      { ...own, resource: 'catalogue', tool: 'list_products' },
      'resource.unbound',
    ],
    [
      'the credential was narrowed to other tools',
      { ...own, chain: { scope: ['orders/cancel_order'] } },
      'chain.scope',
    ],
    ['the chain has expired', { ...own, chain: { expires: (NOW / 1000) as EpochSeconds } }, 'chain.expired'],
    [
      'the chain is of another tenant',
      { ...own, chain: { tenant: 'b' as TenantName } },
      'chain.other_tenant',
    ],
    [
      'the lineage ends with somebody else',
      { ...own, chain: { actors: ['operator/scanner' as AgentId] } },
      'chain.malformed',
    ],
    [
      'somebody earlier in the chain is not admitted',
      { ...own, chain: { actors: ['operator/scanner', 'operator/support'] as AgentId[] } },
      'agent.not_admitted',
    ],
    ['the agent only claims to be itself', { ...own, chain: { proof: 'claimed' } }, 'agent.only_claimed'],
  ])('is refused when %s', (_name, ask, reason) => {
    const decision = answer(ask)
    expect([decision.outcome, decision.reason]).toEqual(['deny', reason])
  })
})

describe('an agent alone', () => {
  it('reads what it is permitted, where the resource answers agents alone', () => {
    expect(answer({ resource: 'catalogue', tool: 'list_products' }).outcome).toBe('allow')
    expect(answer(pipeline).outcome).toBe('allow')
  })

  it('reports facts where policy lets it, in every tenant without a declaration', () => {
    const report: Ask = {
      tenant: 'operator',
      resource: 'facts',
      tool: 'report',
      input: { subject: 'agent:operator/pipeline', says: 'clean' },
    }
    expect(answer({ ...report, agent: 'operator/scanner' }).outcome).toBe('allow')
    expect(answer({ ...report, agent: 'operator/pipeline' }).reason).toBe('agent.no_permit')
  })

  it.each([
    ['fails', 'condition.false', 'Not allowed: `business-hours` is false; as the test says.'],
    ['missing', 'condition.missing', '`business-hours` has no fresh fact: the test says nothing.'],
    ['stale', 'condition.stale', '`business-hours` has no fresh fact: the test says nothing.'],
  ])('is refused when a condition %s, naming it and its fact', (state, reason, says) => {
    const hours = { condition: 'business-hours', type: 'test', config: { state } }
    const snapshot = changed(change('operator', 'condition', 'business-hours', hours))
    expect([answer(pipeline, snapshot).reason, saysOf(answer(pipeline, snapshot))]).toEqual([reason, says])
    expect(answer({ ...pipeline, kind: 'enter' }, snapshot).reason).toBe(reason)
  })

  it('is refused when a condition that a policy names was never declared', () => {
    const snapshot = changed(change('operator', 'condition', 'healthy', null))
    expect(answer(pipeline, snapshot).reason).toBe('condition.missing')
  })
})

describe('who is stopped', () => {
  const suspended = (state: string) =>
    change('operator', 'agent', 'support', {
      ...{ agent: 'support', kind: 'customer', owner: 'lee@operator.example', attributes: {} },
      ...{ is: { trust: 'prod', sa: 'support' }, state },
    })
  const tenant = (name: string, state: string) => change(name, 'tenant', name, { tenant: name, state })

  const delegation = (over: object) =>
    change('a', 'delegation', 'support-desk', {
      ...{ delegation: 'support-desk', agent: 'operator/support', user: '*', tools: ['orders/*'] },
      ...over,
    })

  it.each<[string, () => Change, string]>([
    ['the agent is suspended', () => suspended('suspended'), 'agent.suspended'],
    ['the agent is retired', () => suspended('retired'), 'agent.retired'],
    [
      'its admission is taken away',
      () => change('a', 'admission', 'operator/support', null),
      'agent.not_admitted',
    ],
    [
      'its admission has ended',
      () =>
        change('a', 'admission', 'operator/support', {
          admission: 'operator/support',
          until: '2026-11-24T12:00:00Z',
        }),
      'admission.ended',
    ],
    [
      'its admission is to another resource',
      () =>
        change('a', 'admission', 'operator/support', {
          admission: 'operator/support',
          resources: ['catalogue'],
        }),
      'admission.resource',
    ],
    ['the tenant is suspended', () => tenant('a', 'suspended'), 'tenant.suspended'],
    ['the tenant is taken away', () => change('a', 'tenant', 'a', null), 'tenant.unknown'],
    ['its home is suspended', () => tenant('operator', 'suspended'), 'agent.home_suspended'],
    [
      'the user is suspended',
      () =>
        change('a', 'user', 'ana@a.example', {
          ...{ user: 'ana@a.example', idp: 'company', sub: 'ana', state: 'suspended' },
        }),
      'user.suspended',
    ],
    ['the delegation is for another user', () => delegation({ user: 'ada@a.example' }), 'delegation.missing'],
    ['the delegation is for another agent', () => delegation({ agent: 'support' }), 'delegation.missing'],
    [
      'the delegation is taken away',
      () => change('a', 'delegation', 'support-desk', null),
      'delegation.missing',
    ],
    ['the delegation has ended', () => delegation({ until: '2026-11-24T12:00:00Z' }), 'delegation.ended'],
    ['something stored is unusable', () => change('a', 'resource', 'x', { resource: 'x' }), 'tenant.broken'],
  ])('when %s', (_name, make, reason) => {
    expect(answer(own, changed(make())).reason).toBe(reason)
  })

  it.each<[string, string, string]>([
    ['the agent, by the tenant', 'a', 'agent:operator/support'],
    ['the agent, by its home', 'operator', 'agent:operator/support'],
    ['the user', 'a', `user:${ANA}`],
    ['the session', 'a', 'session:ses_1'],
    ['the admission', 'a', 'admission:operator/support'],
    ['the resource', 'a', 'resource:orders'],
    ['the tenant', 'a', 'tenant:a'],
    ['the home', 'operator', 'tenant:operator'],
    ['the key, by the tenant', 'a', 'key:jkt-1'],
    ['the key, by its home', 'operator', 'key:jkt-1'],
    ['a sign-in that the chain derives from', 'a', 'login:company/sid-1'],
  ])('a revocation ends chains that are older: %s', (_name, where, link) => {
    const ask: Ask = { ...own, chain: { links: ['login:company/sid-1'] as Link[] } }
    const before = request(ask)
    const snapshot = changed(
      change(where, 'revocation', link, { revocation: link, standing: false, reason: 'INC-1' }),
    )
    expect(decide(before, stories, NOW).outcome).toBe('allow')
    const older = { ...before, chain: { ...before.chain, rev: (before.chain.rev - 1) as Revision } }
    const decision = decide(older, snapshot, NOW)
    expect([decision.reason, decision.outcome !== 'allow' && decision.refusal.refused]).toEqual([
      'chain.revoked',
      'stale',
    ])
    expect(answer(ask, snapshot).outcome).toBe('allow')
  })

  it('a standing revocation also refuses what is newer', () => {
    const revocation = { revocation: 'agent:operator/support', standing: true, reason: 'INC-1' }
    const snapshot = changed(change('a', 'revocation', 'agent:operator/support', revocation))
    expect(answer(own, snapshot).reason).toBe('chain.revoked')
  })

  it("names of the home's own things end nothing here", () => {
    const ask: Ask = { ...own, chain: { links: ['delegation:support-desk'] as Link[] } }
    const revocation = { revocation: 'delegation:support-desk', standing: true, reason: 'INC-1' }
    const there = changed(change('operator', 'revocation', 'delegation:support-desk', revocation))
    expect(answer(ask, there).outcome).toBe('allow')
    const here = changed(change('a', 'revocation', 'delegation:support-desk', revocation))
    expect(answer(own, here).reason).toBe('delegation.ended')
  })

  it('an answer about home says nothing that only its home may know', () => {
    const revocation = { revocation: 'agent:operator/support', standing: true, reason: 'secret incident' }
    const snapshot = changed(change('operator', 'revocation', 'agent:operator/support', revocation))
    expect(JSON.stringify(answer(own, snapshot))).not.toContain('secret incident')
  })
})

describe("a guest's home", () => {
  const forbids = async (text: string) => changed(...(await policyChanges('operator', text)))

  it('may forbid abroad, by its own name for the agent and by group', async () => {
    const all = await forbids('@id("stop") forbid (principal == Agent::"support", action, resource);')
    const decision = answer(own, all)
    expect(decision.reason).toBe('policy.forbidden')
    expect(JSON.stringify(decision.explanation)).not.toContain('stop')
    const writes = await forbids(
      '@id("stop") forbid (principal == Agent::"support", action in Action::"*write", resource);',
    )
    expect(answer(own, writes).outcome).toBe('allow')
    const reads = await forbids(
      '@id("stop") forbid (principal == Agent::"support", action in Action::"*read", resource);',
    )
    expect(answer(own, reads).reason).toBe('policy.forbidden')
  })

  it('does not mean its own resource of the same name', async () => {
    const same = await forbids(
      '@id("stop") forbid (principal == Agent::"support", action in Action::"orders/*any", resource == Resource::"orders");',
    )
    expect(answer(own, same).outcome).toBe('allow')
  })

  it('permits nothing abroad', async () => {
    const text =
      '@id("all") permit (principal is User, action, resource); @id("any") @ask permit (principal is Agent, action, resource) when { context.conditions.contains("unknown") };'
    const theirs = await policyChanges('operator', text)
    expect(answer(own, changed(...theirs)).outcome).toBe('allow')
    const snapshot = changed(...theirs, change('a', 'policy', 'own-orders', null))
    expect(answer(own, snapshot).reason).toBe('user.no_permit')
  })

  it('denies with a condition of its own that has no fresh fact', async () => {
    const snapshot = changed(
      ...(await policyChanges(
        'operator',
        '@id("stop") forbid (principal == Agent::"support", action, resource) when { context.conditions.contains("lockdown") };',
      )),
      change('operator', 'condition', 'lockdown', {
        condition: 'lockdown',
        type: 'test',
        config: { state: 'stale' },
      }),
    )
    expect(answer(own, snapshot).reason).toBe('condition.stale')
    expect(saysOf(answer(own, snapshot))).not.toContain('lockdown')
  })
})

describe('what is said of an agent', () => {
  const text =
    '@id("team") permit (principal is Agent, action == Action::"facts/report", resource) when { principal.team == "data" };'
  const ask: Ask = { resource: 'facts', tool: 'report', input: { subject: 'agent:a/x', says: 'clean' } }

  it('counts at its home', async () => {
    const snapshot = changed(...(await policyChanges('operator', text)))
    expect(answer({ ...ask, tenant: 'operator', agent: 'operator/pipeline' }, snapshot).outcome).toBe('allow')
  })

  it('counts nowhere else, whatever its home says of it', async () => {
    const guest = change('a', 'admission', 'operator/pipeline', { admission: 'operator/pipeline' })
    const attributes = { user_attributes: {}, agent_attributes: { team: 'String' } }
    const tenant = change('a', 'tenant', 'a', { tenant: 'a', ...attributes })
    const snapshot = changed(guest, tenant, ...(await policyChanges('a', text)))
    expect(answer({ ...ask, agent: 'operator/pipeline' }, snapshot).reason).toBe('policy.error')
  })
})

describe('entering and listing', () => {
  it('enters when at least one tool is not certainly refused', () => {
    expect(answer({ user: ANA, kind: 'enter' }).outcome).toBe('allow')
    expect(answer({ ...pipeline, kind: 'enter' }).outcome).toBe('allow')
  })

  it('does not enter when every tool is certainly refused, and gives the reason that came furthest', () => {
    const narrowed: Ask = { user: ANA, kind: 'enter', chain: { scope: ['orders/cancel_order'] } }
    expect(answer(narrowed).reason).toBe('user.no_permit')
    expect(answer({ ...pipeline, agent: 'operator/scanner', kind: 'enter' }).reason).toBe('agent.no_permit')
  })

  it('lists a tool whose answer depends on its input, and hides one that is refused anyway', () => {
    const listed = answer({ user: ANA, kind: 'list' })
    expect(listed.outcome).toBe('allow')
    expect(listed.explanation.sides[1]?.outcome).toBe('depends')
    expect(answer({ user: ANA, kind: 'list', tool: 'cancel_order' }).reason).toBe('user.no_permit')
    expect(answer({ user: ANA, kind: 'list', tool: 'audit_order' }).reason).toBe('delegation.missing')
  })

  it('hides what a forbid refuses whatever the input', async () => {
    const text = '@id("no") forbid (principal is User, action == Action::"orders/get_order", resource);'
    expect(answer({ user: ANA, kind: 'list' }, changed(...(await policyChanges('a', text)))).reason).toBe(
      'policy.forbidden',
    )
  })
})

describe('asking a person', () => {
  const text =
    '@id("cancel") @ask permit (principal is User, action == Action::"orders/cancel_order", resource == Resource::"orders") when { context.input.customer_id == principal.customer_id };'

  it('asks when the permit says so, but never to enter or to list', async () => {
    const snapshot = changed(...(await policyChanges('a', text)))
    const ask: Ask = { ...own, tool: 'cancel_order' }
    const decision = answer(ask, snapshot)
    expect([decision.outcome, decision.reason]).toEqual(['ask', 'approval.needed'])
    expect(answer({ ...ask, kind: 'list' }, snapshot).outcome).toBe('allow')
    expect(
      answer({ ...ask, kind: 'enter', chain: { scope: ['orders/cancel_order'] } }, snapshot).outcome,
    ).toBe('allow')
  })

  it('asks nobody when it is forbidden anyway', async () => {
    const forbid = `${text} @id("no") forbid (principal, action == Action::"orders/cancel_order", resource);`
    const decision = answer({ ...own, tool: 'cancel_order' }, changed(...(await policyChanges('a', forbid))))
    expect(decision.outcome).toBe('deny')
  })
})

describe('an agent that only claims to be itself', () => {
  it('is covered by a permit that says so, and by no other', async () => {
    const text =
      '@id("open") @claimed("yes") permit (principal is Agent, action in Action::"orders/*read", resource == Resource::"orders");'
    const snapshot = changed(...(await policyChanges('a', text)))
    expect(answer({ ...own, chain: { proof: 'claimed' } }, snapshot).outcome).toBe('allow')
  })
})

describe('time', () => {
  it('is handed in: the same question is stale a minute later', () => {
    expect(answer(own, stories, epochMillis(NOW + 59_999)).outcome).toBe('allow')
    expect(answer(own, stories, epochMillis(NOW + 60_000)).reason).toBe('chain.expired')
  })
})
