import { describe, expect, it } from 'vitest'
import type { Json } from './access-request.ts'
import { show } from './cedar/cedar.ts'
import { projectInput } from './project-input.ts'
import type { InputSchema } from './tool.ts'

const schema: InputSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    amount: { type: 'integer' },
    price: { type: 'number' },
    urgent: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
    where: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    // Every object inherits one; only an own one counts.
    ...Object.fromEntries([['toString', { type: 'string' } as const]]),
  },
  required: ['id'],
}
const shown = (input: Json) => {
  const projected = projectInput(schema, input)
  return projected.ok ? show(projected.value) : projected.error
}

describe("a tool's input as policy sees it", () => {
  it.each<[string, Json, string]>([
    ['text', { id: 'x' }, '{"id": "x"}'],
    ['a whole number', { id: 'x', amount: -7 }, '{"id": "x", "amount": -7}'],
    [
      'a whole number where any number may stand',
      { id: 'x', price: 9 },
      '{"id": "x", "price": decimal("9.0000")}',
    ],
    ['a number with places', { id: 'x', price: 9.95 }, '{"id": "x", "price": decimal("9.9500")}'],
    ['true', { id: 'x', urgent: true }, '{"id": "x", "urgent": true}'],
    ['a list, as a set', { id: 'x', tags: ['b', 'a', 'b'] }, '{"id": "x", "tags": ["b", "a"]}'],
    ['an object', { id: 'x', where: { city: 'Berlin', zip: 1 } }, '{"id": "x", "where": {"city": "Berlin"}}'],
    ['nothing that is not declared', { id: 'x', secret: 'y' }, '{"id": "x"}'],
    ['nothing that an object only inherits', { id: 'x' }, '{"id": "x"}'],
  ])('shows %s', (_name, input, cedar) => {
    expect(shown(input)).toBe(cedar)
  })

  it.each<[string, Json, string]>([
    ['no object', 'x', 'input'],
    ['a list', [], 'input'],
    ['null', null, 'input'],
    ['nothing required', {}, 'input.id'],
    ['null where text is declared', { id: null }, 'input.id'],
    ['half a character', { id: '\ud800' }, 'input.id'],
    ['a number for text', { id: 1 }, 'input.id'],
    ['text for a number', { id: 'x', amount: '1' }, 'input.amount'],
    ['a fraction for a whole number', { id: 'x', amount: 1.5 }, 'input.amount'],
    ['a number that lost its digits', { id: 'x', amount: 2 ** 53 }, 'input.amount'],
    ['more places than a decimal has', { id: 'x', price: 0.00001 }, 'input.price'],
    ['a number beyond a decimal', { id: 'x', price: 1e21 }, 'input.price'],
    ['a word for true', { id: 'x', urgent: 'true' }, 'input.urgent'],
    ['one item of another type', { id: 'x', sizes: [1, 'two'] }, 'input.sizes[1]'],
    ['an object lacking what it requires', { id: 'x', where: {} }, 'input.where.city'],
  ])('refuses %s, and says where', (_name, input, at) => {
    expect(shown(input)).toMatchObject({ refused: 'malformed', reason: 'input.invalid', facts: { at } })
  })

  it('shows nothing of a tool that declares no input', () => {
    const projected = projectInput(undefined, { anything: 1 })
    expect(projected.ok && show(projected.value)).toBe('{}')
  })
})
