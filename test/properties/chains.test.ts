import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { AgentId, DecisionId, Revision, TenantName, TokenId } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Change } from '../../src/core/registry.ts'
import { ok } from '../../src/core/result.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { epochSeconds, toSeconds } from '../../src/core/time.ts'
import { type AuthorityPorts, viewOf } from '../../src/flows/authority.ts'
import { openLease } from '../../src/flows/open-lease.ts'
import type { PresentedCaller } from '../../src/flows/present-token.ts'
import { memoryStore } from '../fakes/authority.ts'
import { upstream } from '../fakes/border-world.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from './decide-world.ts'

const written = await changesOf(STORIES)
const helper = { kind: 'customer', owner: 'lee@operator.example', is: { trust: 'prod', sa: 'x' } }
const HOPS = ['operator/first', 'operator/second', 'operator/support'] as const
const AGENTS = [
  change('operator', 'agent', 'first', { agent: 'first', ...helper }),
  change('operator', 'agent', 'second', { agent: 'second', ...helper }),
  ...HOPS.slice(0, 2).map((hop) => change('a', 'admission', hop, { admission: hop })),
]
const parsed = (each: Change) => each
const ground = applyChanges(emptySnapshot(), [...written, ...AGENTS.map(parsed)], PORTS)
const more = (snapshot: Snapshot, ...changes: Change[]) => applyChanges(snapshot, changes, PORTS)

const onBehalf: Ask = {
  user: ana('a'),
  input: { customer_id: 'c-42' },
  chain: { actors: HOPS.map((hop) => hop as AgentId), rev: 1_000_000 as Revision },
}
const outcome = (snapshot: Snapshot, ask: Ask = onBehalf) => decide(request(ask), snapshot, NOW).outcome

/** Everything that can happen to one hop of a chain, at its home or where it is a guest. */
const happenings = (hop: string): readonly Change[] => {
  const agent = hop.slice('operator/'.length)
  const link = `agent:${hop}`
  return [
    change('operator', 'agent', agent, null),
    change('operator', 'agent', agent, { agent, ...helper, state: 'suspended' }),
    change('operator', 'revocation', link, { revocation: link, standing: true, reason: 'x' }),
    change('a', 'admission', hop, null),
    change('a', 'admission', hop, { admission: hop, resources: ['catalogue'] }),
    change('a', 'admission', hop, { admission: hop, until: new Date(NOW).toISOString() }),
    change('a', 'revocation', `admission:${hop}`, {
      ...{ revocation: `admission:${hop}`, standing: true, reason: 'x' },
    }),
  ]
}

describe('a chain', () => {
  it('is allowed while each of its hops stands', () => {
    expect(outcome(ground)).toBe('allow')
  })

  it('has no more authority than any hop: what ends one, wherever it stands, ends the chain', () => {
    const ends = HOPS.flatMap((hop) => happenings(hop).map((each) => ({ hop, each })))
    for (const { hop, each } of ends)
      expect([hop, each.kind, each.doc, outcome(more(ground, each))]).toEqual([
        hop,
        each.kind,
        each.doc,
        'deny',
      ])
  })

  it('may not leave its caller out, nor put another at its end', () => {
    const orders = fc.shuffledSubarray([...HOPS], { minLength: 0 })
    fc.assert(
      fc.property(orders, (actors) => {
        const chain = { actors: actors.map((hop) => hop as AgentId), rev: 1_000_000 as Revision }
        const ends = actors.at(-1) === 'operator/support'
        expect(outcome(ground, { ...onBehalf, chain })).toBe(ends ? 'allow' : 'deny')
      }),
    )
  })

  it('of one tenant decides nothing in another', () => {
    for (const tenant of ['b', 'operator']) {
      const there = request({ ...onBehalf, tenant })
      const chain = { ...there.chain, tenant: 'a' as TenantName }
      expect(decide({ ...there, chain }, ground, NOW).reason).toBe('chain.other_tenant')
    }
  })
})

const ends = (most: number) => fc.integer({ min: 1, max: most })
const times = fc.record({
  token: ends(600),
  delegation: fc.option(ends(600), { nil: undefined }),
  admission: fc.option(ends(600), { nil: undefined }),
  hop: fc.option(ends(600), { nil: undefined }),
  life: ends(600),
})
const until = (seconds: number | undefined) =>
  seconds === undefined ? {} : { until: new Date(NOW + seconds * 1000).toISOString() }

/** The world with those ends, and the call that is leased for. */
function leased({
  token,
  delegation,
  admission,
  hop,
  life,
}: typeof times extends fc.Arbitrary<infer T> ? T : never) {
  const orders = written.find(
    ({ tenant, kind, name }) => tenant === 'a' && kind === 'resource' && name === 'orders',
  )
  const desk = written.find(({ tenant, kind }) => tenant === 'a' && kind === 'delegation')
  const snapshot = more(
    ground,
    change('a', 'credential', 'upstream', { credential: 'upstream', provider: 'test' }),
    change('a', 'resource', 'orders', {
      ...orders?.doc,
      credential: { provider: 'upstream', life: `${life}s` },
    }),
    change('a', 'delegation', 'support-desk', { ...desk?.doc, ...until(delegation) }),
    change('a', 'admission', 'operator/support', { admission: 'operator/support', ...until(admission) }),
    change('a', 'admission', 'operator/first', { admission: 'operator/first', ...until(hop) }),
  )
  const expires = epochSeconds(NOW / 1000 + token)
  const asked = request({ ...onBehalf, chain: { ...onBehalf.chain, expires } })
  return { snapshot, asked }
}

describe('a lease', () => {
  it('never outlives its token, its delegation, an admission of any hop, or its own life', async () => {
    await fc.assert(
      fc.asyncProperty(times, async (drawn) => {
        const { snapshot, asked } = leased(drawn)
        const decision = decide(asked, snapshot, NOW)
        const known = snapshot.tenants.get('a' as TenantName)?.resources.get('orders')
        const tool = known?.tools.get('get_order')
        if (decision.outcome !== 'allow' || !known || !tool) throw new Error(decision.reason)
        const store = memoryStore(snapshot)
        const ports = {
          ...{ origin: 'https://authority.example', snapshot: store.snapshot, store, now: () => NOW },
          ...{ newId: (kind: string) => `${kind}_1`, refresh: async () => {} },
        } as unknown as AuthorityPorts
        const view = viewOf(ports, 'a')
        if (!view) throw new Error('no tenant')
        const access = { chain: asked.chain, jti: 'tok_1' as TokenId, once: false, bearer: false }
        const caller = { access, known } as unknown as PresentedCaller
        const issue = upstream()
        const opened = await openLease(view, caller, [{ tool, decision }], {
          ...issue,
          end: async () => ok(undefined),
        })
        if (!opened.ok) throw new Error(opened.error.reason)
        const { lease } = opened.value
        const { token, delegation = token, admission = token, hop = token, life } = drawn
        const least = Math.min(token, delegation, admission, hop, life)
        expect(lease.expires - toSeconds(NOW)).toBe(least)
        expect(lease.decision).toBe('dec_1' as DecisionId)
      }),
      { numRuns: 100 },
    )
  })
})
