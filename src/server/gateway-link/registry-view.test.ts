import { expect, test } from 'vitest'
import { ana, changesOf, PORTS } from '../../../test/properties/decide-world.ts'
import { applyChanges } from '../../core/apply-changes.ts'
import type { Revision, TenantName } from '../../core/ids.ts'
import type { FeedMessage } from '../../flows/feed-gateway.ts'
import { createRegistryView } from './registry-view.ts'

const a = 'a' as TenantName
const world = await changesOf({
  a: {
    idp: [{ idp: 'sso', issuer: 'https://idp.example' }],
    user: [{ user: 'ana', idp: 'sso', sub: 'ana' }],
  },
})
const at = (revision: number) => revision as Revision
const told = (type: 'documents' | 'changes', revision: number, more: object = {}): FeedMessage =>
  ({ type, revision: at(revision), changes: world, tenants: ['a'], ...more }) as FeedMessage
const heartbeat = (revision: number): FeedMessage => ({ type: 'heartbeat', revision: at(revision) })

function view() {
  const clock = { now: 1000 }
  const made = createRegistryView(
    (snapshot, changes) => applyChanges(snapshot, changes, PORTS),
    () => clock.now,
  )
  return { ...made, clock }
}

test('knows nothing, and is infinitely old, before the authority spoke', () => {
  const { snapshot, staleMs, serves } = view()
  expect(snapshot().tenants.size).toBe(0)
  expect(staleMs()).toBe(Infinity)
  expect(serves('a')).toBe(false)
})

test('its age is counted from the last heartbeat, on its own clock', () => {
  const { take, staleMs, clock } = view()
  expect(take(told('documents', 10))).toBe(10)
  expect(staleMs()).toBe(Infinity)
  take(heartbeat(10))
  clock.now += 700
  expect(staleMs()).toBe(700)
  take(told('changes', 11, { changes: [] }))
  expect(staleMs()).toBe(700)
})

test('a heartbeat of a revision that it has not applied makes it no younger', () => {
  const { take, staleMs, clock } = view()
  take(told('documents', 10))
  take(heartbeat(10))
  clock.now += 5000
  take(heartbeat(11))
  expect(staleMs()).toBe(5000)
  take(told('changes', 11, { changes: [] }))
  take(heartbeat(11))
  expect(staleMs()).toBe(0)
})

test('documents replace everything, changes are added, and each moves the revision', () => {
  const { take, snapshot } = view()
  take(told('documents', 10))
  expect(snapshot().tenants.get(a)?.users.has(ana('a'))).toBe(true)
  const gone = world.filter(({ kind }) => kind !== 'user')
  take(told('changes', 11, { changes: [] }))
  expect(snapshot().tenants.get(a)?.users.size).toBe(1)
  take(told('documents', 12, { changes: gone }))
  expect(snapshot().tenants.get(a)?.users.size).toBe(0)
  expect(snapshot().revision).toBe(12)
})

test('never goes back: what was revoked since would be alive again', () => {
  const { take, snapshot } = view()
  take(told('documents', 10, { changes: [] }))
  expect(() => take(told('documents', 9))).toThrow('behind')
  expect(() => take(told('changes', 9))).toThrow('behind')
  expect(snapshot().revision).toBe(10)
  expect(snapshot().tenants.size).toBe(0)
})

test('serves the tenants of its entry, and of them the resources that it names', () => {
  const { take, serves } = view()
  take(told('documents', 11))
  expect([serves('a'), serves('a', 'orders'), serves('b')]).toEqual([true, true, false])
  take(told('changes', 12, { resources: ['orders'] }))
  expect([serves('a'), serves('a', 'orders'), serves('a', 'other')]).toEqual([true, true, false])
})

test.each([
  ['gateway.revoked', Infinity, false],
  ['gateway.removed', Infinity, false],
  ['gateway.token_expired', 0, true],
  ['gateway.authority_closing', 0, true],
])('after the end %s it is %s ms old', (reason, age, still) => {
  const { take, staleMs, serves } = view()
  take(told('documents', 11))
  take(heartbeat(11))
  expect(take({ type: 'end', reason })).toBeUndefined()
  expect(staleMs()).toBe(age)
  expect(serves('a')).toBe(still)
})

test('calls back after each change, until told not to', () => {
  const { take, onChange, snapshot } = view()
  const seen: number[] = []
  const stop = onChange(() => seen.push(snapshot().revision))
  take(told('documents', 11))
  take(heartbeat(11))
  take(told('changes', 12, { changes: [] }))
  stop()
  take(told('changes', 13, { changes: [] }))
  expect(seen).toEqual([11, 12])
})
