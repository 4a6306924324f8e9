import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminSchemas } from '../support/admin-schemas.ts'
import { type Surface, startSurface } from '../support/authority.ts'
import { goodTokens } from '../support/kinds.ts'
import { placesOf } from '../support/places.ts'
import { allTextFields, documentFields, type TextField, wrongIn } from '../support/text-fields.ts'

let surface: Surface
let fields: readonly TextField[]
let documents: readonly TextField[]
beforeAll(async () => {
  surface = await startSurface()
  const kinds = await goodTokens(surface)
  const places = (await placesOf(surface, kinds)).filter(({ door }) => door !== 'socket')
  const schemas = await adminSchemas(surface)
  const elsewhere = /^\w+ \/(?:t|\.well-known)\//
  fields = allTextFields(surface, kinds, places, schemas.routes).filter(({ route }) => !elsewhere.test(route))
  documents = await documentFields(surface, schemas.documents)
})
afterAll(() => surface?.close())

describe('no text of the big list of naughty strings breaks anything, or comes back as a page', () => {
  test.each([
    ['that gateways use', /^\w+ \/gateway\//],
    ['of administration', /^\w+ \/admin\//],
    ['elsewhere', /^\w+ \/(?!gateway\/|admin\/)/],
  ])(
    'in any field of a route %s',
    async (_name, path) => {
      expect(
        await wrongIn(
          surface,
          fields.filter(({ route }) => path.test(route)),
        ),
      ).toEqual([])
    },
    300_000,
  )

  test('in any text of any declared document, and the tenants stand', async () => {
    expect(fields.length).toBeGreaterThan(60)
    expect(documents.length).toBeGreaterThan(60)
    expect(await wrongIn(surface, documents)).toEqual([])
    const { tenants } = await surface.admin.tenants()
    expect(tenants.map(({ state }) => state)).toEqual(['active', 'active', 'active'])
  }, 60_000)
})

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
