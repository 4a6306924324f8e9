import { describe, expect, it } from 'vitest'
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
} from '../../../test/properties/decide-world.ts'
import { applyChanges } from '../apply-changes.ts'
import type { TenantName } from '../ids.ts'
import type { Change } from '../registry.ts'
import { emptySnapshot, type Snapshot } from '../snapshot.ts'
import { askAgain, differsFrom, MOST_POLICIES, type SideAgain } from './ask-again.ts'
import type { Opinion } from './both-engines.ts'
import { decide } from './decide.ts'
import type { Side } from './decision.ts'

const stories = applyChanges(emptySnapshot(), await changesOf(STORIES), PORTS)
const more = (...changes: readonly Change[]) => applyChanges(stories, changes, PORTS)
const own: Ask = { user: ana('a'), input: { customer_id: 'c-42' } }
const sidesAgain = (snapshot: Snapshot, ask: Ask = own) =>
  askAgain(decide(request(ask), snapshot, NOW), snapshot, NOW)
const asked = (snapshot: Snapshot, ask: Ask = own) =>
  sidesAgain(snapshot, ask).map(({ told, policies }) => [told.principal, policies.map(({ id }) => id).sort()])
const condition = (name: string, state: string, tenant = 'a') =>
  change(tenant, 'condition', name, { condition: name, type: 'test', config: { state } })

describe('what is asked again of a decided call', () => {
  it('is every policy of the tenant that may concern a side, by whatever way it was found', () => {
    // Somebody named, or an action, leaves a policy out; that it was no candidate does not.
    expect(asked(stories)).toEqual([
      ['agent', ['support-uses-orders']],
      ['user', ['own-orders']],
      ['home', []],
    ])
  })

  it('is also what permits or forbids within groups and types, in scope or not', async () => {
    const world = more(
      ...(await policyChanges(
        'a',
        `@id("writers") permit (principal is User, action in Action::"orders/*write", resource);
         @id("no-catalogue") forbid (principal, action, resource == Resource::"catalogue");
         @id("desk") permit (principal in UserGroup::"desk", action, resource);
         @id("ada") permit (principal == User::"ada@a.example", action, resource);
         @id("agents") forbid (principal is Agent, action, resource) when { false };`,
      )),
      change('a', 'group', 'desk', { group: 'desk', of: 'users', in: [] }),
    )
    expect(asked(world)).toEqual([
      ['agent', ['agents', 'desk', 'support-uses-orders']],
      ['user', ['desk', 'own-orders', 'writers']],
      ['home', []],
    ])
  })

  it("is of a guest's home what it forbids, and what that came to there is judged for it", async () => {
    const world = more(
      ...(await policyChanges(
        'operator',
        `@id("never") forbid (principal == Agent::"support", action in Action::"*read", resource);
         @id("errs") forbid (principal is Agent, action, resource) when { principal.nothing == 1 };
         @id("missed") forbid (principal is Agent, action, resource) when { false };
         @id("may") permit (principal is Agent, action, resource);`,
      )),
    )
    expect(asked(world).at(-1)).toEqual(['home', ['errs', 'missed', 'never']])
    const home = sidesAgain(world).at(-1)
    expect(home?.told).toMatchObject({ outcome: 'forbidden', policies: ['never'], erring: ['errs'] })
    expect(home?.tenant).toBe('operator')
    // Where the home said nothing, that it has nothing to say is asked again too.
    const silent = more(
      ...(await policyChanges('operator', '@id("x") forbid (principal is User, action, resource);')),
    )
    expect(sidesAgain(silent).at(-1)?.told).toEqual({
      ...{ principal: 'home', outcome: 'permitted', policies: [], erring: [] },
    })
  })

  it('is of an agent that only claims what it is no permit that does not say it covers it', async () => {
    const world = more(
      ...(await policyChanges(
        'a',
        `@id("open") @claimed("yes") permit (principal is Agent, action, resource);
         @id("other") @claimed("no") permit (principal is Agent, action, resource);
         @id("stop") forbid (principal is Agent, action, resource) when { false };`,
      )),
    )
    const claimed: Ask = { ...own, chain: { proof: 'claimed' } }
    expect(asked(world, claimed)[0]).toEqual(['agent', ['open', 'stop']])
    expect(asked(world, claimed)[1]).toEqual(['user', ['own-orders']])
    expect(asked(world)[0]).toEqual(['agent', ['open', 'other', 'stop', 'support-uses-orders']])
  })

  it('has the conditions that hold, and says which policies named one without a fresh fact', async () => {
    const world = (state: string) =>
      policyChanges(
        'a',
        `@id("own-orders") permit (principal is User, action, resource) when { context.conditions.contains("asked") };
         @id("elsewhere") forbid (principal is User, action in Action::"orders/*write", resource) when { context.conditions.contains("never") };`,
      ).then((policies) => more(...policies, condition('asked', state), condition('never', 'missing')))
    const holding = sidesAgain(await world('holds'))
    expect(holding.map(({ overlooked }) => overlooked)).toEqual([[], [], []])
    expect(JSON.parse(holding[1]?.call ?? '').context.conditions).toEqual(['asked'])
    const failing = sidesAgain(await world('fails'))
    expect(JSON.parse(failing[1]?.call ?? '').context.conditions).toEqual([])
    // Had it been a candidate, this would have been a no: an engine that overlooked it allowed.
    const decided = decide(request(own), await world('holds'), NOW)
    const again = async (state: string) =>
      askAgain(decided, await world(state), NOW).map(({ overlooked }) => overlooked)
    expect(await again('missing')).toEqual([[], ['own-orders'], []])
    expect(await again('stale')).toEqual([[], ['own-orders'], []])
  })

  const nothing: readonly (readonly [string, Ask, Snapshot])[] = [
    ['an entry', { ...own, kind: 'enter' }, stories],
    ['a list', { ...own, kind: 'list' }, stories],
    ['what was refused before policy was asked', { ...own, user: ana('a', 'stranger') }, stories],
    ['a resource that is not there', { ...own, resource: 'nowhere' }, stories],
    ['a tool that is not there', { ...own, tool: 'nothing' }, stories],
    ['arguments that can not be read', { ...own, input: { customer_id: 1 } }, stories],
    [
      'a tenant with a policy in quarantine',
      own,
      more(
        change('a', 'quarantine', 'own-orders', {
          quarantine: 'own-orders',
          at: 1,
          decision: 'd',
          says: 'x',
        }),
      ),
    ],
    [
      'a guest whose home has one',
      own,
      more(
        change('operator', 'quarantine', 'pipeline-reads', {
          ...{ quarantine: 'pipeline-reads', at: 1, decision: 'd', says: 'x' },
        }),
      ),
    ],
  ]
  it.each(nothing)('is nothing of %s', (_what, ask, snapshot) => {
    expect(sidesAgain(snapshot, ask)).toEqual([])
  })

  it('is nothing any more of what can not be looked up now', () => {
    const decided = decide(request(own), stories, NOW)
    expect(askAgain(decided, stories, NOW)).toHaveLength(3)
    for (const [kind, name, doc] of [
      ['resource', 'orders', null],
      ['agent', 'support', null],
    ] as const) {
      const tenant = kind === 'agent' ? 'operator' : 'a'
      expect(askAgain(decided, more(change(tenant, kind, name, doc)), NOW)).toEqual([])
    }
  })

  it('is nothing where a side has more policies than can be asked in time, and all of them just below', () => {
    const est = JSON.stringify({
      ...{ effect: 'permit', principal: { op: 'is', entity_type: 'User' }, action: { op: 'All' } },
      ...{ resource: { op: 'All' }, conditions: [] },
    })
    const many = (count: number) =>
      more(
        ...Array.from({ length: count }, (_, at) =>
          change('a', 'policy', `p${at}`, { policy: `p${at}`, effect: 'permit', text: '', est }),
        ),
      )
    expect(asked(many(MOST_POLICIES - 1))[1]?.[1]).toHaveLength(MOST_POLICIES)
    expect(asked(many(MOST_POLICIES))).toEqual([])
  })
})

const FOUR = await policyChanges(
  'a',
  `@id("p1") permit (principal is User, action, resource);
   @id("p2") permit (principal is User, action, resource);
   @id("f1") forbid (principal is User, action, resource);
   @id("f2") forbid (principal is User, action, resource);`,
).then((changes) => more(...changes, change('a', 'policy', 'own-orders', null)))

describe('what the second engine said', () => {
  const policies = [...(FOUR.tenants.get('a' as TenantName)?.policies.byName.values() ?? [])].filter(
    ({ id }) => /^[pf]\d$/.test(id),
  )
  const side = (told: Partial<Side>, over: Partial<SideAgain> = {}): SideAgain => ({
    ...{ tenant: 'a', policies, call: '', overlooked: [] },
    told: { principal: 'user', outcome: 'permitted', policies: [], erring: [], ...told },
    ...over,
  })
  /** `p1:satisfied`; of the others that they are not. */
  const said = (...opinions: readonly string[]) =>
    new Map<string, Opinion>([
      ...policies.map(({ id }) => [id, 'unsatisfied'] as const),
      ...opinions.map((each) => each.split(':') as [string, Opinion]),
    ])

  it.each<[Partial<Side>, readonly string[]]>([
    [{ outcome: 'permitted', policies: ['p1'] }, ['p1:satisfied']],
    [{ outcome: 'permitted', policies: ['p2', 'p1'] }, ['p1:satisfied', 'p2:satisfied']],
    [{ outcome: 'no_permit' }, []],
    [{ outcome: 'forbidden', policies: ['f1'] }, ['p1:satisfied', 'f1:satisfied']],
    [{ outcome: 'forbidden', policies: ['f2'], erring: ['p1'] }, ['p1:error', 'f2:satisfied']],
    [{ outcome: 'error', erring: ['f1'] }, ['p1:satisfied', 'f1:error']],
    [{ principal: 'home', outcome: 'permitted' }, []],
    [{ principal: 'home', outcome: 'forbidden', policies: ['f1'] }, ['f1:satisfied']],
  ])('is the same where it was told %j', (told, opinions) => {
    expect(differsFrom(side(told), said(...opinions))).toBeUndefined()
  })

  it.each<[Partial<Side>, readonly string[], readonly string[], string]>([
    [{ outcome: 'permitted', policies: ['p1'] }, [], ['p1'], "ours: permitted, Cedar's: no_permit"],
    [{ outcome: 'no_permit' }, ['p2:satisfied'], ['p2'], "ours: no_permit, Cedar's: permitted"],
    [
      { outcome: 'permitted', policies: ['p1'] },
      ['p1:satisfied', 'f1:satisfied'],
      ['f1', 'p1'],
      "ours: permitted, Cedar's: forbidden",
    ],
    [
      { outcome: 'permitted', policies: ['p1'] },
      ['p1:satisfied', 'f2:error'],
      ['f2', 'p1'],
      "ours: permitted, Cedar's: error",
    ],
    [
      { outcome: 'permitted', policies: ['p1'] },
      ['p1:satisfied', 'p2:satisfied'],
      ['p2'],
      "ours: permitted, Cedar's: permitted",
    ],
    [{ outcome: 'error', erring: ['f1'] }, ['f2:error'], ['f1', 'f2'], "ours: error, Cedar's: error"],
    [
      { outcome: 'forbidden', policies: ['f1'] },
      ['f2:satisfied', 'f1:satisfied'],
      ['f2'],
      "ours: forbidden, Cedar's: forbidden",
    ],
    [{ principal: 'home' }, ['f1:satisfied'], ['f1'], "ours: permitted, Cedar's: forbidden"],
    // Nobody names a policy that it is about, so all that decided anywhere are.
    [{ outcome: 'permitted' }, [], [], "ours: permitted, Cedar's: no_permit"],
    [{ outcome: 'error', policies: ['p1'] }, ['p1:satisfied'], ['p1'], "ours: error, Cedar's: permitted"],
  ])('is something else where it was told %j and says %j', (told, opinions, involved, says) => {
    const { principal = 'user' } = told
    expect(differsFrom(side(told), said(...opinions))).toEqual({
      ...{ tenant: 'a', principal, policies: involved, says },
    })
  })

  it('does not matter where a condition was not asked about: that alone is a fault of ours', () => {
    const told = { outcome: 'permitted', policies: ['p1'] } as const
    expect(differsFrom(side(told, { overlooked: ['f1'] }), said('p1:satisfied'))).toEqual({
      ...{ tenant: 'a', principal: 'user', policies: ['f1'] },
      says: 'a condition of theirs was not asked about',
    })
  })
})
