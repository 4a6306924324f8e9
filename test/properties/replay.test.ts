import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conditionMaker } from '../../src/conditions/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { AgentId, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Decision } from '../../src/core/policy/decision.ts'
import type { RecordedDecision } from '../../src/core/policy/policy-diff.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { replayRecorded } from '../../src/flows/replay-recorded.ts'
import { anyPolicies, type Drawn, policiesAs } from './decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, request, STORIES } from './decide-world.ts'

const ports = { conditionTest: conditionMaker({ country: () => undefined }) }
const base = (await changesOf(STORIES)).filter(
  ({ tenant, kind }) => kind !== 'condition' && (tenant !== 'a' || kind !== 'policy'),
)

const context = (name: string) => ({ '.': { left: { Var: 'context' }, attr: name } })
const named = (name: string) => ({ contains: { left: context('conditions'), right: { Value: name } } })
/** Clauses over what a record lacks: hours, health, the place, the address, how the agent proved itself. */
const bodies = [
  ...['open', 'open', 'healthy', 'healthy', 'office'].map(named),
  { '==': { left: { Value: 1 }, right: { Value: 1 } } },
  { has: { left: { Var: 'context' }, attr: 'address' } },
  {
    '==': {
      left: { '.': { left: context('input'), attr: 'customer_id' } },
      right: { Value: 'c-42' },
    },
  },
  { '==': { left: { '.': { left: { Var: 'principal' }, attr: 'kind' } }, right: { Value: 'customer' } } },
]
const about = (
  type: string,
  conditions: Drawn['conditions'],
  effect: Drawn['effect'],
  ask: boolean,
): Drawn => ({
  ...{ effect, principal: { op: 'is', entity_type: type }, action: { op: 'All' }, resource: { op: 'All' } },
  ...{ conditions, annotations: ask ? { ask: '' } : {} },
})
const clauses = fc.array(
  fc.record({ kind: fc.constantFrom('when' as const, 'unless' as const), body: fc.constantFrom(...bodies) }),
  { maxLength: 2 },
)
const reading = fc.array(
  fc
    .record({
      type: fc.constantFrom('Agent', 'User'),
      clauses,
      effect: fc.constantFrom('permit' as const, 'permit' as const, 'forbid' as const),
      ask: fc.nat(5).map((each) => each === 0),
    })
    .map(({ type, clauses: own, effect, ask }) => about(type, own, effect, ask)),
  { minLength: 1, maxLength: 4 },
)

/** Two sides that are alike but for something: what is added, taken away, or all of it. */
const plain = fc.constantFrom([], [about('Agent', [], 'permit', false), about('User', [], 'permit', false)])
const bothPolicies = fc
  .tuple(reading, plain, fc.oneof(fc.constant([]), fc.constant([]), anyPolicies))
  .map((parts) => parts.flat())
  .chain((one) =>
    fc
      .oneof(
        reading.map((more) => [...one, ...more.slice(0, 1)]),
        fc.constant(one.slice(1)),
        fc.tuple(plain, reading).map((parts) => parts.flat()),
      )
      .map((other) => [one, other] as const),
  )
const conditions = fc.record({
  to: fc.constantFrom('11:00', '13:00', '18:00'),
  says: fc.constantFrom('clean', 'fine'),
  within: fc.constantFrom('1m', '10m'),
  network: fc.constantFrom('10.0.0.0/8', '192.168.0.0/16'),
})
/** Mostly the same on both sides, as most changes are of something else. */
const bothConditions = conditions.chain((one) =>
  fc.oneof(
    fc.constant([one, one] as const),
    conditions.map((other) => [one, other] as const),
  ),
)
type Conditions = typeof conditions extends fc.Arbitrary<infer C> ? C : never

function conditionsOf({ to, says, within, network }: Conditions): Change[] {
  const all = {
    open: { type: 'time', config: { zone: 'UTC', from: '08:00', to } },
    healthy: { type: 'posture', config: { source: 'scanner', says, within } },
    office: { type: 'place', config: { networks: [network] } },
  }
  return Object.entries(all).map(([condition, rest]) =>
    change('a', 'condition', condition, { condition, ...rest }),
  )
}

const facts = fc.option(
  fc.record({ says: fc.constantFrom('clean', 'fine', 'bad'), age: fc.constantFrom(30, 300, 3000) }),
)
const asks = fc.record({
  user: fc.constantFrom(ana('a'), ana('a', 'ada')),
  tool: fc.constantFrom('get_order', 'cancel_order'),
  input: fc.constantFrom(
    { customer_id: 'c-42' },
    { customer_id: 'c-42' },
    { customer_id: 'c-77', amount: 5 },
    {},
  ),
  kind: fc.constantFrom('call' as const, 'call' as const, 'call' as const, 'enter' as const),
  chain: fc.constantFrom(
    {},
    {},
    { proof: 'claimed' as const },
    { proof: 'enrolled' as const },
    { scope: [] },
  ),
  address: fc.constantFrom(undefined, '10.0.0.7', '192.168.1.1'),
})

function worldOf(drawn: readonly Drawn[], own: Conditions) {
  return applyChanges(emptySnapshot(), [...base, ...conditionsOf(own), ...policiesAs('a', drawn)], ports)
}
function reported(fact: { says: string; age: number } | null): Change[] {
  if (fact === null) return []
  const name = 'agent:operator/support/scanner'
  const doc = {
    fact: name,
    subject: 'agent:operator/support',
    source: 'scanner',
    says: fact.says,
    at: NOW - fact.age * 1000,
  }
  return [change('a', 'fact', name, doc)]
}

/** As the audit keeps it (`record-decision.ts`): with the arguments, or with their commitment alone. */
function recordOf(decision: Decision, ask: Ask, user: string, shown: boolean): RecordedDecision {
  const { outcome, reason, request: asked, explanation } = decision
  const input = shown ? { shown: JSON.stringify(ask.input) } : ({ erased: true } as const)
  return {
    ...{
      index: 1,
      at: NOW,
      tenant: asked.tenant as TenantName,
      outcome,
      reason,
      agent: asked.chain.agent as AgentId,
    },
    ...{ user: { shown: user }, resource: asked.resource },
    ...(asked.act.kind === 'enter' ? {} : { tool: asked.act.tool, input }),
    conditions: explanation.conditions.map(({ name, state }) => `${name}:${state}`),
  }
}

describe('a recorded decision that is replayed', () => {
  it('comes to what the other side decides with all that was not recorded; else it is not replayed', () => {
    let [replayed, otherwise, not] = [0, 0, 0]
    fc.assert(
      fc.property(
        fc.record({
          policies: bothPolicies,
          both: bothConditions,
          fact: facts,
          ask: asks,
          shown: fc.boolean(),
        }),
        ({ policies: [one, other], both, fact, ask, shown }) => {
          const sides = { before: worldOf(one, both[0]), after: worldOf(other, both[1]) }
          const { address, ...rest } = ask
          const asked = request(address === undefined ? rest : { ...rest, address })
          const truth = [sides.before, sides.after].map((side) =>
            decide(asked, applyChanges(side, reported(fact), ports), NOW),
          )
          const [was, would] = truth
          if (!was || !would) throw new Error('nothing was decided')
          const user = ask.user === ana('a') ? 'ana@a.example' : 'ada@a.example'
          const found = replayRecorded(recordOf(was, rest, user, shown), sides)
          if ('why' in found) {
            not += 1
            return
          }
          replayed += 1
          if (found.after.outcome !== found.before.outcome) otherwise += 1
          expect([found.before.outcome, found.before.reason]).toEqual([was.outcome, was.reason])
          expect([found.after.outcome, found.after.reason]).toEqual([would.outcome, would.reason])
        },
      ),
      { numRuns: 1500 },
    )
    expect(Math.min(replayed, otherwise, not)).toBeGreaterThan(10)
  })
})
