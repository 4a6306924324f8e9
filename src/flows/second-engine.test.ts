import { afterAll, describe, expect, it } from 'vitest'
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
} from '../../test/properties/decide-world.ts'
import { applyChanges } from '../core/apply-changes.ts'
import type { EnginesDiffer } from '../core/policy/ask-again.ts'
import type { Opinion } from '../core/policy/both-engines.ts'
import type { Change } from '../core/registry.ts'
import { emptySnapshot, type Snapshot } from '../core/snapshot.ts'
import { openCedar } from '../lib/cedar/cedar.ts'
import { outcomesOf } from '../lib/cedar/policy-outcomes.ts'
import { createSecondEngine, type Judge, type SecondEnginePorts } from './second-engine.ts'

const cedar = openCedar()
afterAll(() => cedar.close())
const cedarSays: Judge = async (ask) => {
  const said = await outcomesOf(cedar, ask)
  if (!said.ok) throw new Error(said.error[0]?.says)
  return said.value
}
const saying =
  (opinion: Opinion): Judge =>
  async ({ policies }) =>
    new Map(policies.map(({ id }) => [id, opinion]))

const base = applyChanges(emptySnapshot(), await changesOf(STORIES), PORTS)
const inQuarantine = (snapshot: Snapshot, name: string) =>
  applyChanges(
    snapshot,
    [change('a', 'quarantine', name, { quarantine: name, at: 1, decision: 'dec_1', says: 'x' })],
    PORTS,
  )
/** What is stored is read by our engine; the other one reads what was written: here the two say something else. */
const withOtherText = (name: string, text: string) => {
  const est = JSON.stringify({
    ...{ effect: 'permit', principal: { op: 'is', entity_type: 'User' }, action: { op: 'All' } },
    ...{ resource: { op: 'All' }, conditions: [] },
  })
  return applyChanges(
    base,
    [change('a', 'policy', name, { policy: name, effect: 'permit', text, est })],
    PORTS,
  )
}

const [template] = await policyChanges(
  'a',
  '@id("reads") permit (principal is User in ?principal, action == Action::"orders/get_order", resource) when { context.input.customer_id == principal.customer_id };',
)
const READS = template as Change & { readonly doc: { readonly text: string } }
const links = ['ana', 'ada'].map((name) => {
  const doc = { policy: `${name}-reads`, template: 'reads', principal: `User::"${name}@a.example"` }
  return change('a', 'policy', doc.policy, doc)
})
const linked = applyChanges(base, [READS, ...links, change('a', 'policy', 'own-orders', null)], PORTS)

function engine(over: Partial<SecondEnginePorts> = {}) {
  const differed: (readonly EnginesDiffer[])[] = []
  const faults: unknown[] = []
  const made = createSecondEngine({
    judge: cedarSays,
    judgeAgain: cedarSays,
    oneIn: 1,
    random: () => 0.5,
    differ: async (_decision, differences) => void differed.push(differences),
    fault: (error) => faults.push(error),
    ...over,
  })
  return { ...made, differed, faults }
}
const forAna = (ask: Ask) => request({ user: ana('a'), ...ask })
const own = forAna({ input: { customer_id: 'c-42' } })
const other = forAna({ input: { customer_id: 'c-77' } })

describe('a call that is asked again', () => {
  it('is answered at once, and both engines agree on all that the stories ask', async () => {
    const { decide, counts, settled, differed } = engine({ oneIn: 0.5 })
    const asked = [own, other, forAna({ tool: 'cancel_order', input: { customer_id: 'c-42', amount: 5 } })]
    for (const each of asked) expect(decide(each, base, NOW)).not.toBeInstanceOf(Promise)
    expect(counts()).toEqual({ again: 0, differed: 0, dropped: 0 })
    await settled()
    expect([counts(), differed]).toEqual([{ again: 3, differed: 0, dropped: 0 }, []])
  })

  it('shows which policy the engines differ on, and on which side', async () => {
    const { decide, counts, settled, differed } = engine()
    const text = '@id("own-orders") permit (principal is User, action, resource) when { false };'
    expect((await decide(own, withOtherText('own-orders', text), NOW)).outcome).toBe('allow')
    await settled()
    expect(counts()).toEqual({ again: 1, differed: 1, dropped: 0 })
    expect(differed).toEqual([
      [
        {
          tenant: 'a',
          principal: 'user',
          policies: ['own-orders'],
          says: "ours: permitted, Cedar's: no_permit",
        },
      ],
    ])
  })

  it('is put to it with the same templates and slots, many policies of one template at once', async () => {
    const { decide, counts, settled, differed } = engine()
    for (const each of [own, other]) await decide(each, linked, NOW)
    await settled()
    expect([counts(), differed]).toEqual([{ again: 2, differed: 0, dropped: 0 }, []])
    const another = applyChanges(
      linked,
      [
        change('a', 'template', 'reads', {
          ...READS.doc,
          text: READS.doc.text.replace('id == pr', 'id != pr'),
        }),
      ],
      PORTS,
    )
    await decide(own, another, NOW)
    await settled()
    expect(differed.flat().map(({ policies, principal }) => [principal, policies])).toEqual([
      ['user', ['ana-reads']],
    ])
  })

  it('is one in so many, by chance', async () => {
    let draws = 0
    const { decide, counts, settled } = engine({ oneIn: 10, random: () => (draws++ % 10) / 10 })
    for (let i = 0; i < 30; i++) await decide(own, base, NOW)
    await settled()
    expect(counts().again).toBe(3)
  })

  it('is dropped and counted when too many wait, or the second engine can not say', async () => {
    const slow = Promise.withResolvers<void>()
    const { decide, counts, settled } = engine({
      judgeAgain: async () => {
        await slow.promise
        return undefined
      },
    })
    for (let i = 0; i < 300; i++) await decide(own, base, NOW)
    const full = counts().dropped
    expect(full).toBeGreaterThan(30)
    slow.resolve()
    await settled()
    expect(counts()).toEqual({ again: 0, differed: 0, dropped: 300 })
  })

  it('stops nothing when it fails', async () => {
    const { decide, settled, faults } = engine({
      judgeAgain: async () => {
        throw new Error('gone')
      },
    })
    expect((await decide(own, base, NOW)).outcome).toBe('allow')
    await settled()
    expect(faults).toHaveLength(1)
    expect((await decide(own, base, NOW)).outcome).toBe('allow')
  })
})

describe('a policy in quarantine', () => {
  const world = inQuarantine(base, 'own-orders')
  it('allows what both allow, and the second engine is asked once for one question', async () => {
    let times = 0
    const judge: Judge = (ask) => {
      times += 1
      return cedarSays(ask)
    }
    const { decide, decideNow } = engine({ judge })
    expect(decideNow(own, world, NOW).reason).toBe('policy.quarantined')
    expect(await decide(own, world, NOW)).toMatchObject({ outcome: 'allow' })
    expect(decideNow(own, world, NOW).outcome).toBe('allow')
    expect((await decide(other, world, NOW)).reason).toBe('user.no_permit')
    expect(times).toBe(2)
  })
  it.each([
    ['a list', forAna({ kind: 'list', input: {} })],
    ['an entry', forAna({ kind: 'enter' })],
  ])('does not hinder %s that both leave open', async (_what, asked) => {
    expect((await engine().decide(asked, world, NOW)).outcome).toBe('allow')
  })
  it.each<[string, Judge, string]>([
    ['says no', saying('unsatisfied'), 'user.no_permit'],
    ['can not judge it', saying('error'), 'policy.error'],
    ['does not answer', async () => undefined, 'policy.quarantined'],
    ['breaks', () => Promise.reject(new Error('gone')), 'policy.quarantined'],
  ])('allows nothing while the second engine %s', async (_what, judge, reason) => {
    expect((await engine({ judge }).decide(own, world, NOW)).reason).toBe(reason)
  })
  it('that is made of a template is asked about with its own slots, and not by what was said of another', async () => {
    const { decide } = engine()
    const both = inQuarantine(inQuarantine(linked, 'ana-reads'), 'ada-reads')
    const ada = request({ user: ana('a', 'ada'), input: { customer_id: 'c-77' } })
    expect((await decide(own, both, NOW)).outcome).toBe('allow')
    expect((await decide(ada, both, NOW)).outcome).toBe('allow')
    expect((await decide(other, both, NOW)).reason).toBe('user.no_permit')
    // The same question but for the slot: what was said with one is no answer for the other.
    const swapped = applyChanges(
      both,
      links.map(({ name, doc }) =>
        change('a', 'policy', name, { ...doc, principal: 'User::"new@a.example"' }),
      ),
      PORTS,
    )
    expect((await decide(own, swapped, NOW)).reason).toBe('user.no_permit')
  })
  it('forbids what either forbids', async () => {
    const text = '@id("stop") forbid (principal, action, resource) when { false };'
    const est = JSON.stringify({
      ...{ effect: 'forbid', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } },
      conditions: [{ kind: 'when', body: { Value: false } }],
    })
    const stop = change('a', 'policy', 'stop', { policy: 'stop', effect: 'forbid', text, est })
    const stopping = inQuarantine(applyChanges(base, [stop], PORTS), 'stop')
    expect((await engine().decide(own, stopping, NOW)).outcome).toBe('allow')
    expect((await engine({ judge: saying('satisfied') }).decide(own, stopping, NOW)).reason).toBe(
      'policy.forbidden',
    )
  })
  it('makes no more than a few callers of one tenant wait; the others get a no at once', async () => {
    const slow = Promise.withResolvers<void>()
    const judge: Judge = async (ask) => {
      await slow.promise
      return cedarSays(ask)
    }
    const { decide } = engine({ judge })
    const waiting = Array.from({ length: 16 }, () => decide(own, world, NOW))
    expect((await decide(own, world, NOW)).reason).toBe('policy.quarantined')
    slow.resolve()
    const outcomes = (await Promise.all(waiting)).map(({ outcome }) => outcome)
    expect(new Set(outcomes)).toEqual(new Set(['allow']))
  })
  it('is not asked again', async () => {
    const { decide, counts, settled } = engine()
    await decide(own, world, NOW)
    await settled()
    expect(counts()).toEqual({ again: 0, differed: 0, dropped: 0 })
  })
})
