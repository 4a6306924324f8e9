import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { Revision, TenantName } from '../../src/core/ids.ts'
import type { AccessRequest } from '../../src/core/policy/access-request.ts'
import {
  authorize,
  buildEntities,
  entityUid,
  record,
  setOf,
  text,
  type Value,
} from '../../src/core/policy/cedar/cedar.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { actionUid, agentEntity, userEntity } from '../../src/core/policy/entities.ts'
import { projectInput } from '../../src/core/policy/project-input.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import {
  anyForbid,
  anyPermit,
  anyPolicies,
  type Drawn,
  FAILS,
  names,
  policiesAs,
  policyChange,
  TRUE,
} from './decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from './decide-world.ts'

const conditions = (['holds', 'fails', 'missing', 'stale'] as const).map((state) => {
  const name = { holds: 'holding', fails: 'failing', missing: 'missing', stale: 'stale' }[state]
  return change('a', 'condition', name, { condition: name, type: 'test', config: { state } })
})
const written = (await changesOf(STORIES)).filter(({ tenant, kind }) => tenant !== 'a' || kind !== 'policy')
/** The stories without the policies of `a`, whose place the drawn ones take. */
const base = [...written, ...conditions]
const ground = applyChanges(emptySnapshot(), base, PORTS)
const withPolicies = (drawn: readonly Drawn[]) => applyChanges(ground, policiesAs('a', drawn), PORTS)

const inputs = fc.record(
  {
    customer_id: fc.constantFrom('c-42', 'c-77'),
    order_id: fc.constant('o-1'),
    amount: fc.constantFrom(1, 1000),
  },
  { requiredKeys: ['customer_id'] },
)
const asks: fc.Arbitrary<Ask> = fc.record({
  user: fc.constantFrom(ana('a'), ana('a', 'ada'), ana('a', 'new')),
  tool: fc.constantFrom('get_order', 'cancel_order'),
  input: inputs,
})
const reason = (snapshot: Snapshot, asked: AccessRequest) => decide(asked, snapshot, NOW).reason
const allows = (snapshot: Snapshot, ask: Ask) => decide(request(ask), snapshot, NOW).outcome !== 'deny'
const more = (snapshot: Snapshot, ...changes: Change[]) => applyChanges(snapshot, changes, PORTS)

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, check), { numRuns: 300 })
}
const drawn = fc.record({ policies: anyPolicies, ask: asks })

describe('for all policies and all requests', () => {
  it('what is drawn is neither always allowed nor always refused', () => {
    const seen = fc.sample(drawn, 300).map(({ policies, ask }) => allows(withPolicies(policies), ask))
    expect(new Set(seen).size).toBe(2)
  })

  it('without a permit nothing is allowed', () => {
    holds(fc.record({ forbids: fc.array(anyForbid), ask: asks }), ({ forbids, ask }) => {
      expect(allows(withPolicies(forbids), ask)).toBe(false)
    })
  })

  it('a forbid that is met trumps every permit', () => {
    const forbid = (type: string): Drawn => ({
      ...{ effect: 'forbid', action: { op: 'All' }, resource: { op: 'All' }, annotations: {} },
      ...{ principal: { op: 'is', entity_type: type }, conditions: [{ kind: 'when', body: TRUE }] },
    })
    holds(
      fc.record({ drawn, type: fc.constantFrom('Agent', 'User') }),
      ({ drawn: { policies, ask }, type }) => {
        expect(allows(withPolicies([...policies, forbid(type)]), ask)).toBe(false)
      },
    )
  })

  it('adding a forbid never allows what was refused', () => {
    holds(fc.record({ drawn, forbid: anyForbid }), ({ drawn: { policies, ask }, forbid }) => {
      const without = withPolicies(policies)
      if (allows(more(without, policyChange('a', 'added', forbid)), ask))
        expect(allows(without, ask)).toBe(true)
    })
  })

  it('taking a permit away never allows what was refused', () => {
    holds(fc.record({ drawn, permit: anyPermit }), ({ drawn: { policies, ask }, permit }) => {
      const certain = { ...permit, conditions: [] }
      const without = withPolicies(policies)
      if (allows(without, ask))
        expect(allows(more(without, policyChange('a', 'added', certain)), ask)).toBe(true)
    })
  })

  it('a blended request is allowed only if Cedar permits the agent alone and the user alone, and nothing errs', () => {
    holds(drawn, ({ policies, ask }) => {
      const snapshot = withPolicies(policies)
      const [agent, user] = eachAlone(snapshot, request(ask))
      const both = [agent, user].every((each) => each?.decision === 'allow' && each.erroring.length === 0)
      expect(allows(snapshot, ask)).toBe(both)
    })
  })

  it('what may be called is listed, and where something may be called one may enter', () => {
    holds(drawn, ({ policies, ask }) => {
      const snapshot = withPolicies(policies)
      if (!allows(snapshot, ask)) return
      expect(allows(snapshot, { ...ask, kind: 'list' })).toBe(true)
      expect(allows(snapshot, { ...ask, kind: 'enter' })).toBe(true)
    })
  })

  it('entering and listing never ask', () => {
    holds(
      fc.record({ drawn, kind: fc.constantFrom('enter' as const, 'list' as const) }),
      ({ drawn: each, kind }) => {
        expect(decide(request({ ...each.ask, kind }), withPolicies(each.policies), NOW).outcome).not.toBe(
          'ask',
        )
      },
    )
  })

  it('a narrowed credential is allowed nothing that the whole one is not', () => {
    const scope = fc.subarray(['orders/get_order', 'orders/cancel_order', 'orders/audit_order'])
    holds(fc.record({ drawn, scope }), ({ drawn: { policies, ask }, scope: tools }) => {
      const snapshot = withPolicies(policies)
      if (allows(snapshot, { ...ask, chain: { scope: tools } })) expect(allows(snapshot, ask)).toBe(true)
      if (!tools.includes(`orders/${ask.tool}`))
        expect(allows(snapshot, { ...ask, chain: { scope: tools } })).toBe(false)
    })
  })

  it('the order in which things were written changes nothing', () => {
    const shuffled = drawn.chain(({ policies, ask }) => {
      const changes = [...base, ...policiesAs('a', policies)]
      return fc.record({ ask: fc.constant(ask), changes: fc.constant(changes), mixed: shuffle(changes) })
    })
    holds(shuffled, ({ ask, changes, mixed }) => {
      const asked = request(ask)
      const one = decide(asked, applyChanges(emptySnapshot(), changes, PORTS), NOW)
      expect(decide(asked, applyChanges(emptySnapshot(), mixed, PORTS), NOW)).toEqual(one)
    })
  })
})

function shuffle(changes: readonly Change[]): fc.Arbitrary<Change[]> {
  return fc.shuffledSubarray([...changes], { minLength: changes.length, maxLength: changes.length })
}

/** Cedar's own answer about one principal, with entities and context built here rather than by what is tested. */
function eachAlone(snapshot: Snapshot, asked: AccessRequest) {
  const tenant = snapshot.tenants.get('a' as TenantName)
  const agent = snapshot.tenants.get('operator' as TenantName)?.agents.get(asked.chain.agent)
  const user = asked.chain.user && tenant?.users.get(asked.chain.user)
  if (!tenant || !agent || !user || asked.act.kind !== 'call') throw new Error('the world lacks something')
  const tool = tenant.resources.get('orders')?.tools.get(asked.act.tool)
  const input = projectInput(tool?.input, asked.act.input)
  const people = [agentEntity(asked.chain.agent, agent, 'attested', tenant), userEntity(user, tenant)]
  const entities = buildEntities(people, tenant.entities)
  if (!input.ok || !entities.ok) throw new Error('the world is wrong')
  return people.map(({ uid }) =>
    authorize(
      tenant.policies.byName.values(),
      {
        principal: uid,
        action: actionUid(`orders/${tool?.name}`),
        resource: entityUid('Resource', 'orders'),
        context: record(
          new Map<string, Value>([
            ['conditions', setOf([text('holding')])],
            ['input', input.value],
          ]),
        ),
      },
      entities.value,
    ),
  )
}

describe('one tenant and another', () => {
  const others = fc.constantFrom('b', 'c')
  it("another tenant's documents change no decision", () => {
    holds(
      fc.record({ drawn, other: others, theirs: anyPolicies }),
      ({ drawn: { policies, ask }, other, theirs }) => {
        const snapshot = withPolicies(policies)
        const asked = request(ask)
        const changed = more(
          snapshot,
          ...policiesAs(other, theirs),
          change(other, 'revocation', `user:${asked.chain.user}`, {
            ...{ revocation: `user:${asked.chain.user}`, standing: true, reason: 'x' },
          }),
          change(other, 'delegation', 'support-desk', null),
        )
        const { revision: _new, ...after } = decide(asked, changed, NOW)
        const { revision: _old, ...before } = decide(asked, snapshot, NOW)
        expect(after).toEqual(before)
      },
    )
  })

  it("another tenant's broken policy denies there and nowhere else", () => {
    const broken = change('b', 'policy', 'bad', { policy: 'bad', effect: 'permit', text: '', est: '{}' })
    holds(drawn, ({ policies, ask }) => {
      const snapshot = withPolicies(policies)
      const asked = request(ask)
      expect(reason(more(snapshot, broken), asked)).toBe(reason(snapshot, asked))
    })
    const there = request({ tenant: 'b', user: ana('b', 'bo'), input: { customer_id: 'c-42' } })
    expect(reason(more(ground, broken), there)).toBe('tenant.broken')
  })

  it("a home's permits allow nothing abroad, and its forbids only take away", () => {
    holds(fc.record({ drawn, theirs: anyPolicies }), ({ drawn: { policies, ask }, theirs }) => {
      const snapshot = withPolicies(policies)
      if (allows(more(snapshot, ...policiesAs('operator', theirs)), ask))
        expect(allows(snapshot, ask)).toBe(true)
    })
  })
})

describe('what can not be known denies', () => {
  const clause = fc.constantFrom('when' as const, 'unless' as const)
  const policy = (effect: Drawn['effect'], type: string, kind: 'when' | 'unless', body: object): Drawn => ({
    ...{ effect, action: { op: 'All' }, resource: { op: 'All' }, annotations: {} },
    ...{ principal: { op: 'is', entity_type: type }, conditions: [{ kind, body }] },
  })
  const added = fc.record({
    effect: fc.constantFrom('permit' as const, 'forbid' as const),
    type: fc.constantFrom('Agent', 'User'),
    kind: clause,
  })

  it('a condition without a fresh fact denies, also under unless and in a forbid', () => {
    const name = fc.constantFrom('missing', 'stale', 'undeclared')
    holds(
      fc.record({ drawn, added, name }),
      ({ drawn: { policies, ask }, added: { effect, type, kind }, name: each }) => {
        const snapshot = withPolicies([...policies, policy(effect, type, kind, names(each))])
        for (const act of ['call', 'list', 'enter'] as const)
          expect(reason(snapshot, request({ ...ask, kind: act }))).toBe(
            each === 'stale' ? 'condition.stale' : 'condition.missing',
          )
      },
    )
  })

  it('a policy that fails denies, a forbid no less than a permit', () => {
    holds(fc.record({ drawn, added }), ({ drawn: { policies, ask }, added: { effect, type, kind } }) => {
      const snapshot = withPolicies([...policies, policy(effect, type, kind, FAILS)])
      for (const act of ['call', 'list', 'enter'] as const)
        expect(allows(snapshot, { ...ask, kind: act })).toBe(false)
    })
  })
})

describe('revocation', () => {
  const links = (ask: Ask) => [
    'agent:operator/support',
    'admission:operator/support',
    `user:${ask.user}`,
    'session:ses_1',
    'key:jkt-1',
    'tenant:a',
  ]

  it('never allows, and ends every chain below its revision whatever policy says', () => {
    holds(
      fc.record({ drawn, which: fc.nat(5), standing: fc.boolean() }),
      ({ drawn: { policies, ask }, which, standing }) => {
        const snapshot = withPolicies(policies)
        const link = links(ask)[which] ?? ''
        const revoked = change('a', 'revocation', link, { revocation: link, standing, reason: 'x' })
        const older = request({ ...ask, chain: { rev: (revoked.revision - 1) as Revision } })
        expect(reason(more(snapshot, revoked), older)).toBe('chain.revoked')
        const newer = request({ ...ask, chain: { rev: revoked.revision } })
        expect(reason(more(snapshot, revoked), newer)).toBe(
          standing ? 'chain.revoked' : reason(snapshot, newer),
        )
      },
    )
  })
})
