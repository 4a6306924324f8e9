import { describe, expect, it } from 'vitest'
import { differences } from './definition-diff.ts'

describe('where two definitions differ', () => {
  it.each([
    ['nowhere', { a: [1, { b: null }] }, { a: [1, { b: null }] }, []],
    [
      'in a text',
      { description: 'x' },
      { description: 'y' },
      [{ at: 'description', before: 'x', after: 'y' }],
    ],
    [
      'in a member that came deep inside',
      { inputSchema: { properties: { to: {} } } },
      { inputSchema: { properties: { to: {}, bcc: { type: 'string' } } } },
      [{ at: 'inputSchema.properties.bcc', after: { type: 'string' } }],
    ],
    ['in one that went', { a: 1, b: 2 }, { b: 2 }, [{ at: 'a', before: 1 }]],
    [
      'in an element',
      { enum: ['a', 'b'] },
      { enum: ['a', 'c', 'd'] },
      [
        { at: 'enum[1]', before: 'b', after: 'c' },
        { at: 'enum[2]', after: 'd' },
      ],
    ],
    ['in their kind', { a: [] }, { a: {} }, [{ at: 'a', before: [], after: {} }]],
    [
      'in a member whose name is no word',
      { 'a.b': 1 },
      { 'a.b': 2 },
      [{ at: '["a.b"]', before: 1, after: 2 }],
    ],
    ['in null for nothing', { a: null }, {}, [{ at: 'a', before: null }]],
  ])('%s', (_where, before, after, found) => {
    expect(differences(before, after)).toEqual(found)
  })
  it('is told in 200 places at most', () => {
    const many = (value: number) => Array.from({ length: 300 }, () => value)
    expect(differences(many(1), many(2))).toHaveLength(200)
  })
})
