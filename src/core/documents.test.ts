import { expect, test } from 'vitest'
import { change } from '../../test/properties/decide-world.ts'
import { addDocuments } from './documents.ts'

const label = { 'session-label': 'ses_1/internal', session: 'ses_1', label: 'internal', until: 1 }

test('what is removed is kept for who comes late, but of sessions that are over nothing is', () => {
  const there = addDocuments(new Map(), [
    change('a', 'user', 'ana', { user: 'ana', idp: 'company', sub: 'ana' }),
    change('a', 'session-label', 'ses_1/internal', label),
  ])
  expect(there.size).toBe(2)
  const gone = addDocuments(there, [
    change('a', 'user', 'ana', null),
    change('a', 'session-label', 'ses_1/internal', null),
  ])
  expect([...gone.values()].map(({ kind, doc }) => [kind, doc])).toEqual([['user', null]])
  expect(there.size).toBe(2)
})
