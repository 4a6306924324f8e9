import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../test/fakes/authority.ts'
import { ana, change, changesOf, NOW, PORTS, request, STORIES } from '../../test/properties/decide-world.ts'
import { applyChanges } from '../core/apply-changes.ts'
import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { TenantName } from '../core/ids.ts'
import { Unavailable } from '../core/refusal.ts'
import { emptySnapshot } from '../core/snapshot.ts'
import type { EngineReport } from '../flows/engine-reports.ts'
import { openAuthorityEngine, openGatewayEngine } from './engines.ts'
import type { GatewayLink } from './gateway-link/gateway-link.ts'

const log = pino({ level: 'silent' })
/** Our engine reads the stored form, which permits; Cedar's own reads what was written, which doesn't. */
const text = '@id("own-orders") permit (principal is User, action, resource) when { false };'
const est = JSON.stringify({
  ...{ effect: 'permit', principal: { op: 'is', entity_type: 'User' }, action: { op: 'All' } },
  ...{ resource: { op: 'All' }, conditions: [] },
})
const odd = change('a', 'policy', 'own-orders', { policy: 'own-orders', effect: 'permit', text, est })
const base = applyChanges(emptySnapshot(), [...(await changesOf(STORIES)), odd], PORTS)
const asked = request({ user: ana('a'), input: { customer_id: 'c-42' } })

describe('engines that differ', () => {
  it('at the authority: an alarm, a quarantine, and from then on a no', async () => {
    const store = memoryStore(base)
    const ports = { store, snapshot: store.snapshot, refresh: async () => {}, now: () => NOW }
    const engine = openAuthorityEngine(1, ports, log)
    expect((await engine.decide(asked, store.snapshot(), NOW)).outcome).toBe('allow')
    await engine.settled()
    expect(store.events.map(({ reason }) => reason)).toEqual(['policy.engines_differ', 'policy.quarantined'])
    expect(store.events[0]).toMatchObject({ kind: 'alarm', outcome: 'failed', policies: ['own-orders'] })
    expect((await engine.decide(asked, store.snapshot(), NOW)).reason).toBe('user.no_permit')
    expect(engine.counts()).toEqual({ again: 1, differed: 1, dropped: 0 })
    await engine.close()
  })

  it('at a gateway: the alarm is on disk before the authority is told, which is told until it has taken it', async () => {
    const said: string[] = []
    const reports: EngineReport[] = []
    let away = true
    const link = {
      point: {
        now: () => NOW,
        record: async (draft: AuditDraft) => void said.push(`recorded ${draft.reason}`),
      },
      report: async (report: EngineReport) => {
        if (away) throw new Unavailable('authority.unreachable', 'the test took it away')
        said.push('reported')
        reports.push(report)
      },
    } as unknown as GatewayLink
    const engine = openGatewayEngine(1, link, log)
    await engine.decide(asked, base, NOW)
    await engine.settled()
    expect(said).toEqual(['recorded policy.engines_differ'])
    away = false
    await engine.close()
    expect(said).toEqual(['recorded policy.engines_differ', 'reported'])
    const says = "user: ours: permitted, Cedar's: no_permit"
    expect(reports).toEqual([
      {
        counts: { again: 1, differed: 1, dropped: 0 },
        doubts: [{ tenant: 'a' as TenantName, policies: ['own-orders'], decision: 'dec_1', says }],
      },
    ])
  })
})
