import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conditionMaker } from '../../src/conditions/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { AgentId, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { explain } from '../../src/core/policy/explain.ts'
import { renderExplanation } from '../../src/core/policy/render-explanation.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { type EpochSeconds, epochMillis } from '../../src/core/time.ts'
import { explainAccess } from '../../src/flows/explain-access.ts'
import { anyPolicies, policiesAs } from './decide-policies.ts'
import {
  type Ask,
  ana,
  change,
  changesOf,
  ISSUER,
  NOW,
  PORTS,
  policyChanges,
  request,
  STORIES,
} from './decide-world.ts'

const real = { conditionTest: conditionMaker({ country: () => undefined }) }
const MINUTE = 60_000
const minutes = fc.integer({ min: 1, max: 3 * 24 * 60 })
const iso = (ahead: number) => new Date(NOW + ahead * MINUTE).toISOString()
const clock = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

/** The hour is open to one of two windows, the pipeline healthy as somebody said, and support a guest that acts under two delegations. */
const worlds = fc.record({
  token: minutes,
  admission: fc.option(minutes),
  delegations: fc.array(fc.option(minutes), { minLength: 1, maxLength: 2 }),
  windows: fc.tuple(fc.nat(1439), fc.nat(1439), fc.nat(1439), fc.nat(1439)),
  age: fc.nat(9),
  policy: fc.constantFrom('all', 'any', 'unless'),
})
type Drawn = typeof worlds extends fc.Arbitrary<infer W> ? W : never

/** Without what the drawn world writes itself, and without conditions that only tests know. */
const stories = (await changesOf(STORIES)).filter(
  ({ tenant, kind }) =>
    kind !== 'condition' &&
    (tenant !== 'a' || (kind !== 'delegation' && kind !== 'policy' && kind !== 'admission')),
)
const POLICIES = Object.fromEntries(
  await Promise.all(
    Object.entries({
      all: 'when { context.conditions.containsAll(["early", "healthy"]) }',
      any: 'when { context.conditions.containsAny(["early", "late"]) && context.conditions.contains("healthy") }',
      unless: 'unless { context.conditions.contains("late") }',
    }).map(async ([name, clause]) => [
      name,
      await policyChanges(
        'a',
        `@id("support") permit (principal is Agent, action, resource) ${clause};
         @id("users") permit (principal is User, action, resource);`,
      ),
    ]),
  ),
)

function worldOf({ admission, delegations, windows: [one, two, three, four], age, policy }: Drawn) {
  const window = (name: string, from: number, to: number) =>
    change('a', 'condition', name, {
      ...{ condition: name, type: 'time' },
      config: { zone: 'Europe/Berlin', from: clock(from), to: from === to ? '24:00' : clock(to) },
    })
  const fact = 'agent:operator/support/scanner'
  const until = (ahead: number | null) => (ahead === null ? {} : { until: iso(ahead) })
  return applyChanges(
    emptySnapshot(),
    [
      ...stories,
      ...(POLICIES[policy] ?? []),
      window('early', one, two),
      window('late', three, four),
      change('a', 'condition', 'healthy', {
        ...{
          condition: 'healthy',
          type: 'posture',
          config: { source: 'scanner', says: 'clean', within: '10m' },
        },
      }),
      change('a', 'fact', fact, {
        ...{
          fact,
          subject: 'agent:operator/support',
          source: 'scanner',
          says: 'clean',
          at: NOW - age * MINUTE,
        },
      }),
      change('a', 'admission', 'operator/support', { admission: 'operator/support', ...until(admission) }),
      ...delegations.map((ahead, index) =>
        change('a', 'delegation', `desk-${index}`, {
          ...{ delegation: `desk-${index}`, agent: 'operator/support', user: '*', tools: ['orders/*'] },
          ...until(ahead),
        }),
      ),
    ],
    real,
  )
}

const called = (token: number) =>
  request({
    user: ana('a'),
    input: { customer_id: 'c-42' },
    chain: { expires: (NOW / 1000 + token * 60) as EpochSeconds },
  })

/** What came up is counted afterwards, and some of it is rare: the same cases each time, or the count is a matter of luck. */
const SEED = 42

const BARE = {
  ...{ token: 1, admission: null, delegations: [null], windows: [0, 0, 0, 0], age: 1, policy: 'all' },
}

describe('what would end an allowed request', () => {
  it('ends it at the first moment that is told, and nothing ends it before', () => {
    let allowed = 0
    const kinds = new Set<string>()
    fc.assert(
      fc.property(worlds, (drawn) => {
        const snapshot = worldOf(drawn)
        const asked = called(drawn.token)
        const { outcome, ends } = explain(asked, snapshot, NOW)
        if (outcome !== 'allow') {
          expect(ends).toEqual([])
          return
        }
        allowed += 1
        const [first] = ends
        if (first === undefined) throw new Error('a token ends')
        kinds.add(first.what)
        const at = (when: number) => decide(asked, snapshot, epochMillis(when)).outcome
        expect(at(first.at)).toBe('deny')
        expect(at(first.at - 1)).toBe('allow')
        for (let when = NOW + 7 * MINUTE; when < first.at; when += 17 * MINUTE) expect(at(when)).toBe('allow')
      }),
      { numRuns: 400, seed: SEED },
    )
    expect(allowed).toBeGreaterThan(50)
    expect([...kinds].sort()).toEqual(['admission', 'condition', 'delegation', 'token'])
  })

  it("is told for a fresh token of the agent's own life, with the end of the session", () => {
    const drawn = {
      token: 1,
      admission: null,
      delegations: [null],
      windows: [0, 0, 0, 0],
      age: 1,
      policy: 'all',
    }
    const explained = explainAccess(
      'a',
      { agent: 'support', user: 'ana@a.example', tool: 'orders/get_order', input: { customer_id: 'c-42' } },
      { snapshot: () => worldOf(drawn as unknown as Drawn), now: () => NOW, newId: () => 'ses_x' },
    )
    if (!explained.ok) throw new Error(explained.error.says)
    expect(explained.value.ends.map(({ what, name, at }) => [what, name, (at - NOW) / 1000])).toEqual([
      ['token', undefined, 180],
      ['condition', 'healthy', 540.001],
      ['session', undefined, 3600],
    ])
    expect(explained.value.revocable).not.toContain('session ses_x')
    expect(renderExplanation(explained.value).slice(6, 9)).toEqual([
      '  ends    in 3 min (2026-11-24 12:03:00 UTC): the token; a new one can be had as long as the session lasts',
      '          in 9 min (2026-11-24 12:09:00 UTC): the fact behind healthy is too old, unless its source speaks again',
      '          in 60 min (2026-11-24 13:00:00 UTC): the session, and with it whatever could renew the token',
    ])
  })

  it.each([
    ['all', [780, 1080, 0, 0], 'in 5 h (2026-11-24 17:00:00 UTC): early holds no more'],
    ['unless', [0, 0, 900, 1080], 'in 2 h (2026-11-24 14:00:00 UTC): late begins to hold'],
  ] as const)('says of an hour that is asked for by `%s` what it comes to', (policy, windows, says) => {
    const drawn = { token: 900, admission: null, delegations: [null], windows, age: 1, policy }
    const lines = renderExplanation(explain(called(900), worldOf(drawn as unknown as Drawn), NOW))
    expect(lines.map((line) => line.trim())).toContainEqual(expect.stringContaining(says))
  })

  it('says of what is not there what was probably meant', () => {
    const hint = (tool: string) => {
      const ports = { snapshot: () => worldOf(BARE as unknown as Drawn), now: () => NOW, newId: () => 'x' }
      const done = explainAccess('a', { agent: 'support', user: 'ana@a.example', tool }, ports)
      return done.ok ? done.value.advice.at(-1) : done.error.says
    }
    expect(hint('ordes')).toBe('did you mean `orders`?')
    expect(hint('orders/get_ordr')).toBe('did you mean `get_order`?')
  })
})

describe('what an explanation may not tell', () => {
  const secrets = ['otherco', 'unseen', 'hidden']
  const others = async () => [
    change('otherco', 'tenant', 'otherco', {
      tenant: 'otherco',
      state: 'active',
      staleness: '30s',
      user_attributes: {},
      agent_attributes: {},
    }),
    change('otherco', 'idp', 'company', {
      idp: 'company',
      issuer: ISSUER,
      clients: {},
      users: 'listed',
      attributes: {},
      allow_private: [],
      keys_survive: '24h',
    }),
    change('otherco', 'user', 'unseen@otherco.example', {
      ...{ user: 'unseen@otherco.example', idp: 'company', sub: 'ana', state: 'active', attributes: {} },
    }),
    change('operator', 'condition', 'hidden-hours', {
      condition: 'hidden-hours',
      type: 'test',
      config: { state: 'fails' },
    }),
    ...(await policyChanges(
      'operator',
      `@id("hidden-forbid") forbid (principal == Agent::"support", action, resource == Resource::"a/catalogue");
       @id("hidden-unless") forbid (principal == Agent::"support", action, resource) when { context.conditions.contains("hidden-hours") };`,
    )),
    ...(await policyChanges(
      'otherco',
      '@id("unseen-permit") permit (principal is Agent, action, resource);',
    )),
  ]
  const asks: fc.Arbitrary<Ask> = fc.record({
    user: fc.constantFrom(undefined, ana('a'), ana('a', 'ada'), ana('a', 'new')),
    agent: fc.constantFrom('operator/support', 'operator/pipeline', 'otherco/unseen-agent'),
    resource: fc.constantFrom('orders', 'catalogue', 'warehouse', 'facts'),
    tool: fc.constantFrom('get_order', 'cancel_order', 'list_products', 'read:orders_daily'),
    input: fc.constantFrom({ customer_id: 'c-42' }, { customer_id: 'c-77', amount: 1000 }),
    kind: fc.constantFrom('enter' as const, 'list' as const, 'call' as const),
  })

  it('is any name of another tenant, or of what is in it, whatever is asked and written', async () => {
    const base = [...(await changesOf(STORIES)), ...(await others())]
    const ground = applyChanges(emptySnapshot(), base, PORTS)
    const hours = (state: string) =>
      change('operator', 'condition', 'hidden-hours', {
        condition: 'hidden-hours',
        type: 'test',
        config: { state },
      })
    const outcomes = new Set<string>()
    fc.assert(
      fc.property(
        asks,
        anyPolicies,
        fc.constantFrom('holds', 'fails', 'missing', 'stale'),
        (ask, policies, state) => {
          const snapshot = applyChanges(ground, [...policiesAs('a', policies), hours(state)], PORTS)
          const explained = explain(request(ask), snapshot, NOW)
          outcomes.add(explained.reason)
          const text = `${JSON.stringify(explained)}\n${renderExplanation(explained).join('\n')}`
          // The agent goes by the name under which this tenant admitted it, or that was asked for.
          const plain = text.replaceAll(ask.agent ?? '', '')
          for (const secret of [...secrets, 'lee@', 'operator']) expect(plain).not.toContain(secret)
        },
      ),
      { numRuns: 500, seed: SEED },
    )
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        'allowed',
        'policy.forbidden',
        'condition.missing',
        'user.no_permit',
        'agent.not_admitted',
      ]),
    )
  })

  it('is the place of an agent that is not admitted: it is unknown, as one that does not exist', async () => {
    const snapshot = applyChanges(emptySnapshot(), await changesOf(STORIES), PORTS)
    const says = (agent: string) => {
      const done = explainAccess(
        'a',
        { agent, tool: 'orders' },
        { snapshot: () => snapshot, now: () => NOW, newId: () => 'x' },
      )
      return done.ok ? done.value.reason : done.error.says.replace(agent, 'it')
    }
    expect(snapshot.tenants.get('operator' as TenantName)?.agents.has('operator/pipeline' as AgentId)).toBe(
      true,
    )
    expect(says('operator/pipeline')).toBe(says('operator/pipelint'))
  })
})
