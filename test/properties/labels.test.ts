import fc from 'fast-check'
import { expect, it } from 'vitest'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { SessionId, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Allow } from '../../src/core/policy/decision.ts'
import { isAbove, LABELS, type Label } from '../../src/core/policy/label.ts'
import type { Resource } from '../../src/core/policy/resource.ts'
import { carriedLabel } from '../../src/core/policy/session-label.ts'
import type { Change } from '../../src/core/registry.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { toSeconds } from '../../src/core/time.ts'
import type { AuthorityView } from '../../src/flows/authority.ts'
import { raiseLabels } from '../../src/flows/raise-label.ts'
import { change, NOW, PORTS, request, STORIES, snapshotOf } from './decide-world.ts'

const A = 'a' as TenantName
const stories = await snapshotOf(STORIES)
const orders = stories.tenants.get(A)?.resources.get('orders')?.resource as Resource
const label = fc.constantFrom(...LABELS)
const session = fc.constantFrom('ses_1', 'ses_2')

/** What an authority looks at that is a few commits behind. */
function viewOf(snapshot: Snapshot): AuthorityView {
  const tenant = snapshot.tenants.get(A)
  return { snapshot, tenant, name: A, at: NOW, now: toSeconds(NOW) } as unknown as AuthorityView
}
function raise(seen: Snapshot, committed: Snapshot, who: string, labels: Resource['labels']): Snapshot {
  const { chain } = request({ chain: { session: who as SessionId } })
  const { changes } = raiseLabels(viewOf(seen), chain, { ...orders, labels }, { id: 'dec_1' } as Allow)
  const { revision } = change('a', 'tenant', 'a', null)
  return applyChanges(
    committed,
    changes.map((each) => ({ ...each, revision }) as Change),
    PORTS,
  )
}
const carried = (snapshot: Snapshot, who: string) =>
  carriedLabel(snapshot.tenants.get(A)?.sessionLabels ?? new Map(), [who as SessionId])

const reach = fc.record({ who: session, labels: fc.array(label, { maxLength: 3 }), behind: fc.nat(4) })
const all = { numRuns: 300 }

it("a session's label never falls, and reaching data leaves its label, however old the views are that it is raised by", () => {
  fc.assert(
    fc.property(fc.array(reach, { maxLength: 12 }), (steps) => {
      const history = [stories]
      for (const { who, labels, behind } of steps) {
        const before = history.at(-1) ?? stories
        const after = raise(history.at(-1 - behind) ?? stories, before, who, labels)
        for (const each of ['ses_1', 'ses_2'])
          expect(isAbove(carried(before, each), carried(after, each))).toBe(false)
        for (const each of labels) expect(isAbove(each, carried(after, who))).toBe(false)
        history.push(after)
      }
    }),
    all,
  )
})

it('a higher label never allows more, and a higher clearance never less', () => {
  const known = stories.tenants.get(A)?.resources.get('catalogue')?.resource
  const world = (clearance: Label, carries: Label) =>
    raise(
      stories,
      applyChanges(stories, [change('a', 'resource', 'catalogue', { ...known, clearance })], PORTS),
      'ses_1',
      [carries],
    )
  const allows = (snapshot: Snapshot, kind: 'enter' | 'list' | 'call') =>
    decide(request({ resource: 'catalogue', tool: 'list_products', kind }), snapshot, NOW).outcome === 'allow'
  const drawn = fc.record({ low: label, high: label, clearance: label, other: label })
  fc.assert(
    fc.property(drawn, fc.constantFrom('enter', 'list', 'call'), ({ low, high, clearance, other }, kind) => {
      if (isAbove(low, high) || isAbove(clearance, other)) return
      if (allows(world(clearance, high), kind)) expect(allows(world(clearance, low), kind)).toBe(true)
      if (allows(world(clearance, low), kind)) expect(allows(world(other, low), kind)).toBe(true)
    }),
    all,
  )
})
