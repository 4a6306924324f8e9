import { describe, expect, it } from 'vitest'
import {
  type Ask,
  change,
  NOW,
  PORTS,
  request,
  STORIES,
  snapshotOf,
} from '../../../test/properties/decide-world.ts'
import { applyChanges } from '../apply-changes.ts'
import type { TenantName } from '../ids.ts'
import type { Link } from '../lifecycle/revocation.ts'
import type { Snapshot } from '../snapshot.ts'
import { decide } from './decide.ts'
import { LABELS, type Label } from './label.ts'

const stories = await snapshotOf(STORIES)
const listing: Ask = { resource: 'catalogue', tool: 'list_products' }

function catalogueWith(snapshot: Snapshot, clearance: Label): Snapshot {
  const known = snapshot.tenants.get('a' as TenantName)?.resources.get('catalogue')?.resource
  return applyChanges(snapshot, [change('a', 'resource', 'catalogue', { ...known, clearance })], PORTS)
}
function raised(snapshot: Snapshot, session: string, label: Label, tenant = 'a'): Snapshot {
  const name = `${session}/${label}`
  const doc = { 'session-label': name, session, label, until: 1 }
  return applyChanges(snapshot, [change(tenant, 'session-label', name, doc)], PORTS)
}
const reasonOf = (snapshot: Snapshot, ask: Ask = listing) => decide(request(ask), snapshot, NOW).reason

describe('the label that a session carries', () => {
  const cases = LABELS.flatMap((label, level) =>
    LABELS.map((clearance, limit) => [label, clearance, level > limit ? 'label.flow' : 'allowed'] as const),
  )
  it.each(cases)(
    '%s, at a clearance of %s: %s, whether it enters, lists or calls',
    (label, clearance, reason) => {
      const snapshot = raised(catalogueWith(stories, clearance), 'ses_1', label)
      for (const kind of ['enter', 'list', 'call'] as const) {
        expect(reasonOf(snapshot, { ...listing, kind })).toBe(reason)
      }
    },
  )

  it('is named in the refusal beside the clearance, with what to do', () => {
    const decision = decide(
      request(listing),
      raised(catalogueWith(stories, 'internal'), 'ses_1', 'confidential'),
      NOW,
    )
    expect(decision).toMatchObject({
      outcome: 'deny',
      refusal: { refused: 'denied', facts: { label: 'confidential', clearance: 'internal' } },
    })
    const says = decision.outcome === 'allow' ? '' : decision.refusal.says
    expect(says).toMatch(/`confidential`.*`catalogue`.*`internal`.*in a session that has not/)
  })

  it('is no other session’s, and of no other tenant', () => {
    const sink = catalogueWith(stories, 'public')
    expect(reasonOf(raised(sink, 'ses_2', 'confidential'))).toBe('allowed')
    expect(reasonOf(raised(sink, 'ses_1', 'confidential', 'b'))).toBe('allowed')
  })

  it('counts for whom the chain was handed on to', () => {
    const sink = raised(catalogueWith(stories, 'public'), 'ses_first', 'internal')
    expect(reasonOf(sink, { ...listing, chain: { links: ['session:ses_first' as Link] } })).toBe('label.flow')
  })

  it('stays the highest, whichever document came last', () => {
    const sink = catalogueWith(stories, 'internal')
    expect(reasonOf(raised(raised(sink, 'ses_1', 'confidential'), 'ses_1', 'internal'))).toBe('label.flow')
    expect(reasonOf(raised(raised(sink, 'ses_1', 'confidential'), 'ses_1', 'public'))).toBe('label.flow')
  })

  it('can not be stored under another name than its own', () => {
    const doc = { 'session-label': 'ses_1/public', session: 'ses_1', label: 'confidential', until: 1 }
    const snapshot = applyChanges(stories, [change('a', 'session-label', 'ses_1/public', doc)], PORTS)
    expect(snapshot.tenants.get('a' as TenantName)?.broken).toContain('session-label')
  })
})
