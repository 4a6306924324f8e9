import { expect, test } from 'vitest'
import { buildEntities, type Entities, type EntityDraft } from './entities.ts'
import { entityUid, text } from './value.ts'

const uid = (id: string) => entityUid('E', id)
const draft = (id: string, ...parents: string[]): EntityDraft => ({ uid: uid(id), parents: parents.map(uid) })

function build(drafts: readonly EntityDraft[], base?: Entities): Entities {
  const built = buildEntities(drafts, base)
  if (!built.ok) throw new Error(built.error.says)
  return built.value
}

function above(store: Entities, id: string): string[] {
  return [...(store.get(uid(id).key)?.ancestors ?? [])].sort()
}

test('ancestors are closed, whatever the order', () => {
  const store = build([draft('c', 'b'), draft('d', 'c', 'x'), draft('a'), draft('b', 'a')])
  expect(above(store, 'd')).toEqual(['a', 'b', 'c', 'x'].map((id) => uid(id).key))
})

test('one that is reached by two ways is closed once, and what is on the way of neither is no cycle', () => {
  const store = build([
    draft('d', 'b', 'c'),
    draft('b', 'a'),
    draft('c', 'a', 'b'),
    draft('a'),
    draft('e', 'd', 'a'),
  ])
  const keys = (...ids: readonly string[]) => ids.map((id) => uid(id).key)
  expect(above(store, 'd')).toEqual(keys('a', 'b', 'c'))
  expect(above(store, 'e')).toEqual(keys('a', 'b', 'c', 'd'))
  expect(above(store, 'a')).toEqual([])
  expect(above(build([{ uid: uid('alone') }]), 'alone')).toEqual([])
})

test('two thousand generations close without recursion', () => {
  const drafts = Array.from({ length: 2000 }, (_, index) => draft(`${index}`, `${index + 1}`))
  expect(above(build(drafts), '0')).toHaveLength(2000)
})

test('a layer adds to a base and hides what it names again', () => {
  const base = build([draft('staff', 'all'), { uid: uid('ana'), attrs: new Map([['old', text('x')]]) }])
  const store = build([draft('ana', 'staff')], base)
  expect(above(store, 'ana')).toEqual([uid('all').key, uid('staff').key])
  expect([...(store.get(uid('ana').key)?.attrs ?? ['none'])]).toEqual([])
  expect(store.get(uid('staff').key)).toBe(base.get(uid('staff').key))
})

test.each([
  ['a cycle', [draft('a', 'b'), draft('b', 'a')], 'entities.cycle'],
  ['its own parent', [draft('a', 'a')], 'entities.cycle'],
  ['a second of the same name', [draft('a'), draft('a')], 'entities.duplicate'],
])('%s is refused', (_name, drafts, reason) => {
  expect(buildEntities(drafts)).toMatchObject({ ok: false, error: { reason } })
})
