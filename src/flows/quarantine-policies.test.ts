import { beforeEach, describe, expect, it } from 'vitest'
import { type MemoryStore, memoryStore } from '../../test/fakes/authority.ts'
import { changesOf, NOW, PORTS, STORIES } from '../../test/properties/decide-world.ts'
import { applyChanges } from '../core/apply-changes.ts'
import type { DecisionId, TenantName } from '../core/ids.ts'
import { MOST_QUARANTINED } from '../core/policy/quarantine.ts'
import { emptySnapshot } from '../core/snapshot.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { liftQuarantine, type QuarantinePorts, quarantinePolicies } from './quarantine-policies.ts'
import { takeDoubt } from './take-doubt.ts'

const base = applyChanges(emptySnapshot(), await changesOf(STORIES), PORTS)
const A = 'a' as TenantName
const says = "user: ours: permitted, Cedar's: no_permit"
const doubt = { tenant: A, policies: ['own-orders'], decision: 'dec_7' as DecisionId, says }

let store: MemoryStore
let ports: QuarantinePorts
beforeEach(() => {
  store = memoryStore(base)
  ports = { store, snapshot: store.snapshot, refresh: async () => {}, now: () => NOW }
})
const quarantined = (tenant = A) => [...(store.snapshot().tenants.get(tenant)?.quarantine.keys() ?? [])]
const reasons = () => store.events.map(({ tenant, reason }) => `${tenant} ${reason}`)

describe('policies on which the engines differ', () => {
  it('are put in quarantine with an alarm, in one commit, and only those that there are', async () => {
    const policies = ['own-orders', 'nobody-knows-it', 'own-orders']
    const taken = await quarantinePolicies(ports, { ...doubt, policies, noticed: { noticed: 'authority' } })
    expect(taken).toMatchObject({ ok: true, value: { policies: ['own-orders'] } })
    expect(quarantined()).toEqual(['own-orders'])
    expect(store.writes).toHaveLength(1)
    expect(store.events[0]).toMatchObject({
      ...{ kind: 'alarm', outcome: 'done', reason: 'policy.quarantined', decision: 'dec_7' },
      ...{ policies: ['own-orders'], facts: { noticed: 'authority', says } },
    })
  })
  it('are put there once', async () => {
    await quarantinePolicies(ports, { ...doubt, noticed: {} })
    await quarantinePolicies(ports, { ...doubt, noticed: {} })
    expect(store.writes).toHaveLength(1)
  })
  it('are too many at some point: that is an alarm, and changes nothing', async () => {
    const many = Array.from({ length: MOST_QUARANTINED }, (_, at) => `p${at}`)
    const permit =
      '{"effect":"permit","principal":{"op":"is","entity_type":"User"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]}'
    store.apply(
      many.map((name) => ({
        ...{ tenant: A, kind: 'policy', name },
        doc: { policy: name, effect: 'permit', text: '', est: permit },
      })),
    )
    await quarantinePolicies(ports, { ...doubt, policies: many, noticed: {} })
    expect(await quarantinePolicies(ports, { ...doubt, noticed: {} })).toMatchObject({
      ok: false,
      error: { reason: 'quarantine.full' },
    })
    expect([quarantined().length, reasons().at(-1)]).toEqual([MOST_QUARANTINED, 'a quarantine.full'])
  })
})

describe("a gateway's word", () => {
  const gateway = (...tenants: string[]) =>
    ({
      gateway: { gateway: 'edge', is: { trust: 't' }, tenants },
      instance: 'gw-1',
    }) as unknown as AuthorizedGateway
  it('is taken for tenants that it serves, and says who said it', async () => {
    await takeDoubt(ports, gateway('a'), doubt)
    expect(quarantined()).toEqual(['own-orders'])
    expect(store.events[0]?.facts).toEqual({ gateway: 'edge', instance: 'gw-1', says })
  })
  it('is taken for the home of a guest that it judges', async () => {
    const home = { ...doubt, tenant: 'operator' as TenantName, policies: ['pipeline-reads'] }
    await takeDoubt(ports, gateway('a'), home)
    expect(quarantined('operator' as TenantName)).toEqual(['pipeline-reads'])
  })
  it('is not taken for others: the operator is told', async () => {
    expect(await takeDoubt(ports, gateway('b'), doubt)).toMatchObject({
      ok: false,
      error: { reason: 'gateway.not_listed' },
    })
    expect([quarantined(), reasons()]).toEqual([[], ['operator gateway.not_listed']])
  })
})

describe('a person who has looked', () => {
  const ask = { tenant: A, policy: 'own-orders', reason: 'fixed in 1.2', by: 'lee' }
  it('lifts it, on record, and the policy counts by one engine again', async () => {
    await quarantinePolicies(ports, { ...doubt, noticed: {} })
    expect(await liftQuarantine(ports, ask)).toMatchObject({ ok: true, value: { policy: 'own-orders' } })
    expect(quarantined()).toEqual([])
    expect(store.events.at(-1)).toMatchObject({
      ...{ kind: 'admin', reason: 'quarantine.lifted', personal: { user: 'lee' } },
      facts: { policy: 'own-orders', why: 'fixed in 1.2', showed: 'dec_7' },
    })
  })
  it('is told when there is nothing to lift', async () => {
    expect(await liftQuarantine(ports, ask)).toMatchObject({
      ok: false,
      error: { reason: 'quarantine.none' },
    })
    expect(await liftQuarantine(ports, { ...ask, tenant: 'x' as TenantName })).toMatchObject({
      ok: false,
      error: { reason: 'tenant.unknown' },
    })
  })
})
