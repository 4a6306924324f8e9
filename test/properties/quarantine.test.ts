import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { EngineQuestion, Opinion, Opinions } from '../../src/core/policy/both-engines.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Decision } from '../../src/core/policy/decision.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import {
  anyForbid,
  anyPermit,
  anyPolicies,
  type Drawn,
  FAILS,
  policiesAs,
  policyChange,
  TRUE,
} from './decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from './decide-world.ts'

const written = (await changesOf(STORIES)).filter(({ tenant, kind }) => tenant !== 'a' || kind !== 'policy')
const condition = (name: string, state: string) =>
  change('a', 'condition', name, { condition: name, type: 'test', config: { state } })
const ground = applyChanges(
  emptySnapshot(),
  [...written, condition('holding', 'holds'), condition('failing', 'fails')],
  PORTS,
)
const more = (snapshot: Snapshot, ...changes: Change[]) => applyChanges(snapshot, changes, PORTS)
const quarantined = (tenant: string, name: string) =>
  change(tenant, 'quarantine', name, { quarantine: name, at: 1, decision: 'dec_1', says: 'they differed' })

const asks: fc.Arbitrary<Ask> = fc.record({
  user: fc.constantFrom(ana('a'), ana('a', 'ada')),
  tool: fc.constantFrom('get_order', 'cancel_order'),
  input: fc.record({ customer_id: fc.constantFrom('c-42', 'c-77'), amount: fc.constantFrom(1, 1000) }),
})
const anyOpinion = fc.constantFrom<Opinion>('satisfied', 'satisfied', 'unsatisfied', 'error')
const oneDrawn = fc.oneof(anyPermit, anyForbid)
const drawn = fc.record({ policies: anyPolicies, doubted: oneDrawn, ask: asks, opinion: anyOpinion })

/** A second engine that says the same of everything. */
const saying = (opinion: Opinion): Opinions => ({ get: () => opinion })
const allows = (snapshot: Snapshot, ask: Ask, opinions?: Opinions) =>
  decide(request(ask), snapshot, NOW, opinions).outcome !== 'deny'
const decided = (snapshot: Snapshot, ask: Ask, opinions?: Opinions) => {
  const { revision: _, ...decision } = decide(request(ask), snapshot, NOW, opinions)
  return decision
}

/** What the second engine said of a policy, as a policy that both engines must read the same. */
function asSaid(policy: Drawn, opinion: Opinion): Drawn {
  const body = { satisfied: TRUE, unsatisfied: { Value: false }, error: FAILS }[opinion]
  return { ...policy, action: { op: 'All' }, resource: { op: 'All' }, conditions: [{ kind: 'when', body }] }
}

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, check), { numRuns: 300 })
}

describe('a policy in quarantine', () => {
  it('is sometimes what allows, and sometimes what refuses', () => {
    const seen = fc.sample(drawn, { numRuns: 400, seed: 5 }).map(({ policies, doubted, ask, opinion }) => {
      const world = more(
        ground,
        ...policiesAs('a', policies),
        policyChange('a', 'odd', doubted),
        quarantined('a', 'odd'),
      )
      return `${allows(world, ask, saying(opinion))} ${decide(request(ask), world, NOW).reason === 'policy.quarantined'}`
    })
    expect(new Set(seen)).toEqual(new Set(['true true', 'true false', 'false true', 'false false']))
  })

  it('allows nothing that our engine refuses', () => {
    holds(drawn, ({ policies, doubted, ask, opinion }) => {
      const free = more(ground, ...policiesAs('a', policies), policyChange('a', 'odd', doubted))
      if (allows(more(free, quarantined('a', 'odd')), ask, saying(opinion)))
        expect(allows(free, ask)).toBe(true)
    })
  })

  it('allows nothing that the second engine refuses, whatever ours makes of its scope', () => {
    holds(drawn, ({ policies, doubted, ask, opinion }) => {
      const world = more(ground, ...policiesAs('a', policies))
      const ours = more(world, policyChange('a', 'odd', doubted), quarantined('a', 'odd'))
      const asked: EngineQuestion[] = []
      const opinions: Opinions = {
        get: (question) => {
          asked.push(question)
          return opinion
        },
      }
      if (!allows(ours, ask, opinions)) return
      const theirs =
        asked.length === 0 ? world : more(world, policyChange('a', 'odd', asSaid(doubted, opinion)))
      expect(allows(theirs, ask)).toBe(true)
    })
  })

  it('changes nothing while both engines say the same', () => {
    holds(drawn, ({ policies, doubted, ask }) => {
      const free = more(ground, ...policiesAs('a', policies), policyChange('a', 'odd', doubted))
      const alone = more(ground, policyChange('a', 'odd', { ...doubted, effect: 'forbid' }))
      const agreeing: Opinions = {
        get: (question) => ownOpinion(decide(request(ask), alone, NOW), question),
      }
      const before = decided(free, ask)
      const after = decided(more(free, quarantined('a', 'odd')), ask, agreeing)
      expect([after.outcome, after.reason]).toEqual([before.outcome, before.reason])
    })
  })

  it('allows nothing that it may concern while the second engine was not asked', () => {
    const wide: Drawn = {
      ...{ effect: 'permit', action: { op: 'All' }, resource: { op: 'All' }, annotations: {} },
      ...{ principal: { op: 'is', entity_type: 'User' }, conditions: [] },
    }
    holds(
      fc.record({ policies: anyPolicies, ask: asks, kind: fc.constantFrom('call', 'list', 'enter') }),
      (each) => {
        const world = more(
          ground,
          ...policiesAs('a', each.policies),
          policyChange('a', 'odd', wide),
          quarantined('a', 'odd'),
        )
        expect(allows(world, { ...each.ask, kind: each.kind as 'call' })).toBe(false)
      },
    )
  })

  it("of another tenant changes nothing, and of the agent's home only takes away", () => {
    holds(drawn, ({ policies, doubted, ask, opinion }) => {
      const world = more(ground, ...policiesAs('a', policies))
      const theirs = more(world, policyChange('b', 'odd', doubted), quarantined('b', 'odd'))
      expect(decided(theirs, ask)).toEqual(decided(world, ask))
      const home = more(world, policyChange('operator', 'odd', doubted), quarantined('operator', 'odd'))
      if (allows(home, ask, saying(opinion))) expect(allows(world, ask)).toBe(true)
    })
  })
})

/** Our own opinion of a tenant's one forbid for the principal that is asked about: what a second engine says that never differs. */
function ownOpinion({ explanation }: Decision, { policy, call }: EngineQuestion): Opinion {
  const { principal } = JSON.parse(call) as { readonly principal: { readonly type: string } }
  const side = explanation.sides.find((each) => each.principal === principal.type.toLowerCase())
  if (side?.policies.includes(policy)) return 'satisfied'
  return side?.erring.includes(policy) ? 'error' : 'unsatisfied'
}

describe('a permit in quarantine, for an agent that only claims what it is', () => {
  const agents = (annotations: Drawn['annotations']): Drawn => ({
    ...{ effect: 'permit', principal: { op: 'is', entity_type: 'Agent' }, action: { op: 'All' } },
    ...{ resource: { op: 'All' }, conditions: [], annotations },
  })
  const users: Drawn = { ...agents({}), principal: { op: 'is', entity_type: 'User' } }
  const reason = (annotations: Drawn['annotations'], proof: 'attested' | 'claimed', opinions?: Opinions) => {
    const world = more(
      ground,
      ...policiesAs('a', [users]),
      policyChange('a', 'doubted', agents(annotations)),
      quarantined('a', 'doubted'),
    )
    const ask: Ask = { user: ana('a'), input: { customer_id: 'c-42' }, chain: { proof } }
    return decide(request(ask), world, NOW, opinions).reason
  }
  it.each<[Drawn['annotations'], 'attested' | 'claimed', string, string]>([
    [{ claimed: 'yes' }, 'claimed', 'policy.quarantined', 'allowed'],
    [{ claimed: 'no' }, 'claimed', 'agent.only_claimed', 'agent.only_claimed'],
    [{}, 'claimed', 'agent.only_claimed', 'agent.only_claimed'],
    [{ claimed: 'yes' }, 'attested', 'policy.quarantined', 'allowed'],
    [{}, 'attested', 'policy.quarantined', 'allowed'],
  ])('counts only where it says that it covers it: %j, %s', (annotations, proof, unasked, asked) => {
    expect(reason(annotations, proof)).toBe(unasked)
    expect(reason(annotations, proof, saying('satisfied'))).toBe(asked)
  })
  it('is of users for a user, however the agent is proven', () => {
    const world = more(
      ground,
      ...policiesAs('a', [agents({ claimed: 'yes' })]),
      policyChange('a', 'doubted', users),
      quarantined('a', 'doubted'),
    )
    const ask: Ask = { user: ana('a'), input: { customer_id: 'c-42' }, chain: { proof: 'claimed' } }
    expect(allows(world, ask, saying('satisfied'))).toBe(true)
    expect(allows(world, ask, saying('unsatisfied'))).toBe(false)
  })
})
