import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { anyPolicies, type Drawn, linkedChanges, policiesAs } from './decide-policies.ts'
import {
  type Ask,
  ana,
  change,
  changesOf,
  NOW,
  PORTS,
  policyChanges,
  request,
  STORIES,
} from './decide-world.ts'

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
const linkedAs = (policies: readonly Drawn[]) =>
  policies.flatMap((policy, at) => linkedChanges('a', `p${at}`, policy))
const decided = (snapshot: Snapshot, ask: Ask) => {
  const { outcome, reason, explanation } = decide(request(ask), snapshot, NOW)
  return { outcome, reason, explanation }
}
const brokenOf = (snapshot: Snapshot, tenant = 'a') => snapshot.tenants.get(tenant as TenantName)?.broken

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void, numRuns = 300): void {
  fc.assert(fc.property(arbitrary, check), { numRuns })
}

describe('a policy that is made of a template', () => {
  it('decides like the same policy written out: outcome, reason, who decided, who erred', () => {
    const seen = { linked: 0, allowed: 0 }
    holds(drawn, ({ policies, ask }) => {
      const one = decided(more(ground, ...policiesAs('a', policies)), ask)
      const view = more(ground, ...linkedAs(policies))
      expect(decided(view, ask)).toEqual(one)
      seen.linked += view.tenants.get('a' as TenantName)?.policies.linked.byName.size ?? 0
      seen.allowed += one.outcome === 'deny' ? 0 : 1
    })
    expect(seen.linked).toBeGreaterThan(100)
    expect(seen.allowed).toBeGreaterThan(20)
  })

  it('comes to the same in any order and in any batches, be it before its template or after', () => {
    const batches = fc.record({
      policies: anyPolicies,
      ask: asks,
      order: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      cut: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    })
    holds(
      batches,
      ({ policies, ask, order, cut }) => {
        const changes = linkedAs(policies)
        const keyed = changes.map((each) => [order.next().value, each] as const)
        const shuffled = keyed.sort(([a], [b]) => a - b).map(([, each]) => each)
        let view = ground
        let batch: Change[] = []
        for (const [at, each] of shuffled.entries()) {
          batch.push(each)
          if (cut[at % cut.length] === false && at < shuffled.length - 1) continue
          view = more(view, ...batch)
          batch = []
        }
        expect(brokenOf(view)).toBeUndefined()
        expect(decided(view, ask)).toEqual(decided(more(ground, ...changes), ask))
      },
      120,
    )
  })

  it('is gone without a trace once it and its template are taken away', () => {
    holds(drawn, ({ policies, ask }) => {
      const changes = linkedAs(policies)
      const gone = changes.map(({ tenant, kind, name }) => change(tenant, kind, name, null))
      const after = more(more(ground, ...changes), ...gone)
      expect(decided(after, ask)).toEqual(decided(ground, ask))
      const { linked, byName } = after.tenants.get('a' as TenantName)?.policies ?? {}
      expect([byName?.size, linked?.byName.size, linked?.byTemplate.size, linked?.templates.size]).toEqual([
        0, 0, 0, 0,
      ])
    })
  })

  it('is what its template is now: a template that changes changes all that is made of it', () => {
    const two = fc.record({ policies: anyPolicies, others: anyPolicies, ask: asks })
    holds(two, ({ policies, others, ask }) => {
      const before = more(ground, ...linkedAs(policies))
      const changed = policies.map((policy, at) => {
        const { conditions = policy.conditions, annotations = policy.annotations } = others[at] ?? {}
        return { ...policy, conditions, annotations }
      })
      const texts = linkedAs(changed).filter(
        ({ kind, name }) => kind === 'template' || isWritten(name, changed),
      )
      expect(decided(more(before, ...texts), ask)).toEqual(decided(more(ground, ...linkedAs(changed)), ask))
    })
  })
})

/** A drawn policy that names nobody and nothing has no slot, so it is stored as it is. */
function isWritten(name: string, policies: readonly Drawn[]): boolean {
  return linkedAs(policies).every((each) => each.name !== `${name}-template`)
}

const TEXT = `
  @id("may-read") @claimed("yes")
  permit (principal is User in ?principal, action == Action::"orders/get_order", resource == ?resource)
  when { context.input.customer_id == principal.customer_id };
  @id("stopped") forbid (principal == ?principal, action, resource) unless { context.conditions.contains("asked") };
  @id("uses") permit (principal in ?principal, action, resource == Resource::"orders");
`
const link = (policy: string, doc: object, tenant = 'a') =>
  change(tenant, 'policy', policy, { policy, ...doc })
const user = (name: string) => `User::"${name}@a.example"`
const READS = { template: 'may-read', principal: user('ana'), resource: 'Resource::"orders"' }
const USES = { template: 'uses', principal: 'Agent::"operator/support"' }
const templates = await policyChanges('a', TEXT)
const stories = more(ground, ...templates, link('ana-reads', READS), link('support-uses', USES))
const own: Ask = { user: ana('a'), input: { customer_id: 'c-42' } }
const reasonOf = (snapshot: Snapshot, ask: Ask = own) => decide(request(ask), snapshot, NOW).reason

describe('among the policies of a tenant', () => {
  it('a linked policy decides under its own name, for whom its slots name and for nobody else', () => {
    const { explanation } = decided(stories, own)
    expect(explanation.sides.map(({ policies }) => policies)).toEqual([['support-uses'], ['ana-reads']])
    expect(reasonOf(stories, { user: ana('a', 'ada'), input: { customer_id: 'c-77' } })).toBe(
      'user.no_permit',
    )
  })

  it('one more is one change, and shares everything but its scope with the others', () => {
    const next = more(stories, link('ada-reads', { ...READS, principal: user('ada') }))
    expect(reasonOf(next, { user: ana('a', 'ada'), input: { customer_id: 'c-77' } })).toBe('allowed')
    const { byName } = next.tenants.get('a' as TenantName)?.policies ?? {}
    expect(byName?.get('ada-reads')?.clauses).toBe(byName?.get('ana-reads')?.clauses)
  })

  it('a template by itself permits and forbids nothing', () => {
    expect(reasonOf(more(ground, ...templates))).toBe('agent.no_permit')
    expect(brokenOf(more(ground, ...templates))).toBeUndefined()
  })

  it('a condition that the template names denies without a fresh fact, wherever one made of it is in scope', () => {
    const stopped = more(stories, link('ana-stopped', { template: 'stopped', principal: user('ana') }))
    expect(reasonOf(stopped)).toBe('condition.missing')
    expect(reasonOf(more(stopped, stated('asked', 'holds')))).toBe('allowed')
    expect(reasonOf(more(stopped, stated('asked', 'fails')))).toBe('policy.forbidden')
    expect(reasonOf(more(stopped, stated('asked', 'stale')))).toBe('condition.stale')
    const ada: Ask = { user: ana('a', 'ada'), input: { customer_id: 'c-77' } }
    expect(reasonOf(stopped, ada)).toBe('user.no_permit')
  })

  it('a linked permit covers an agent that only claims what it is where its template says so, and not else', () => {
    const claimed: Ask = { ...own, chain: { proof: 'claimed' } }
    expect(reasonOf(stories, claimed)).toBe('agent.only_claimed')
    const text =
      '@id("uses") @claimed("yes") permit (principal in ?principal, action, resource == Resource::"orders");'
    return policyChanges('a', text).then((changes) => {
      expect(reasonOf(more(stories, ...changes), claimed)).toBe('allowed')
    })
  })

  it('quarantine is of one linked policy: the others of its template go on', () => {
    const doubted = more(
      stories,
      link('ada-reads', { ...READS, principal: user('ada') }),
      change('a', 'quarantine', 'ada-reads', {
        ...{ quarantine: 'ada-reads', at: 1, decision: 'dec_1', says: 'they differed' },
      }),
    )
    const ada: Ask = { user: ana('a', 'ada'), input: { customer_id: 'c-77' } }
    expect(reasonOf(doubted, ada)).toBe('policy.quarantined')
    // It is `principal is User in …`, and whether somebody is within somebody is not trusted to one engine alone.
    expect(reasonOf(doubted, own)).toBe('policy.quarantined')
    const lifted = more(doubted, change('a', 'quarantine', 'ada-reads', null))
    expect([reasonOf(lifted, ada), reasonOf(lifted, own)]).toEqual(['allowed', 'allowed'])
  })
})

describe('a linked policy that can not be made', () => {
  it.each<[string, object]>([
    ['of no template', { template: 'nothing', principal: user('ana') }],
    ['with a slot left open', { template: 'may-read', principal: user('ana') }],
    [
      'with a value too many',
      { template: 'stopped', principal: user('ana'), resource: 'Resource::"orders"' },
    ],
    ['into a permit for neither agents nor users', { template: 'uses', principal: 'Resource::"orders"' }],
    ['of what is no entity', { template: 'stopped', principal: 'ana' }],
    ['of another spelling of one', { template: 'stopped', principal: 'User::"\\u0061na@a.example"' }],
  ])('breaks its own tenant and no other, until it is mended: %s', (_name, doc) => {
    const broken = more(stories, link('ana-reads', doc))
    expect(brokenOf(broken)).toContain('ana-reads')
    expect(reasonOf(broken)).toBe('tenant.broken')
    expect(brokenOf(broken, 'b')).toBeUndefined()
    expect(reasonOf(more(broken, link('ana-reads', READS)))).toBe('allowed')
    expect(reasonOf(more(broken, link('ana-reads', READS), change('a', 'policy', 'ana-reads', null)))).toBe(
      'user.no_permit',
    )
  })

  it('is not in the place of what it was to replace, nor does that decide any more', () => {
    const broken = more(stories, link('ana-reads', { ...READS, template: 'nothing' }))
    expect(broken.tenants.get('a' as TenantName)?.policies.byName.get('ana-reads')).toBeUndefined()
  })

  it('has a template that was taken away: the tenant denies until it is back', () => {
    const without = more(stories, change('a', 'template', 'may-read', null))
    expect(brokenOf(without)).toBe('policy `ana-reads`: there is no template `may-read`')
    expect(reasonOf(more(without, ...templates))).toBe('allowed')
  })

  it('has a template that can not be read, which is a problem of its own', () => {
    const [one] = templates
    const bad = change('a', 'template', 'may-read', { ...(one?.doc ?? {}), effect: 'forbid' })
    expect(brokenOf(more(stories, bad))).toContain('may-read')
    expect(reasonOf(more(stories, bad))).toBe('tenant.broken')
  })

  it("is not mended by another tenant's template of that name", async () => {
    const elsewhere = await policyChanges('b', TEXT)
    const without = more(stories, change('a', 'template', 'may-read', null), ...elsewhere)
    expect(reasonOf(without)).toBe('tenant.broken')
  })
})

describe('a name', () => {
  it('can come to be made of a template, of another one, and to be written out again', async () => {
    const [text] = await policyChanges('a', '@id("ana-reads") permit (principal is User, action, resource);')
    const other = link('ana-reads', { template: 'stopped', principal: user('ada') })
    const back = link('ana-reads', READS)
    if (text === undefined) throw new Error('no policy')
    const free: Ask = { ...own, input: { customer_id: 'c-77' } }
    const first = more(stories, text)
    const second = more(first, other)
    const steps = [first, second, more(second, back)]
    expect(steps.map((view) => reasonOf(view, free))).toEqual(['allowed', 'user.no_permit', 'user.no_permit'])
    expect(steps.map((view) => view.tenants.get('a' as TenantName)?.policies.linked.byName.size)).toEqual([
      1, 2, 2,
    ])
    // Taking away a template that nothing is made of any more breaks nothing.
    expect(brokenOf(more(first, change('a', 'template', 'may-read', null)))).toBeUndefined()
  })
})
