import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminSchemas } from '../support/admin-schemas.ts'
import { type Surface, startSurface } from '../support/authority.ts'
import { goodTokens, type Kind, type KindName } from '../support/kinds.ts'
import { type Knocked, knock, reasonOf } from '../support/knock.ts'
import { STRINGS, wrongAnswers } from '../support/naughty-strings.ts'
import { type Place, placesOf } from '../support/places.ts'
import { allTextFields, askerOf, documentFields, type TextField, wrongIn } from '../support/text-fields.ts'
import { vectorFile } from '../vectors.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
let places: readonly Place[]
let fields: readonly TextField[]
let documents: readonly TextField[]
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
  places = (await placesOf(surface, kinds)).filter(({ door }) => door !== 'socket')
  const schemas = await adminSchemas(surface)
  fields = allTextFields(surface, kinds, places, schemas.routes)
  documents = await documentFields(surface, schemas.documents)
})
afterAll(() => surface?.close())

const routes = () => [...surface.authority.routes.address, ...surface.gateway.routes.address]

describe('the list of text fields', () => {
  test('has one for every route that reads a text, and none for what is no route', () => {
    const named = routes().map(({ method, path }) => `${method} ${path}`)
    const covered = new Set(fields.map(({ route }) => route))
    expect([...covered].filter((route) => !named.includes(route))).toEqual([])
    const reading = routes().filter(({ path, takes }) => path.includes(':') || takes !== 'nothing')
    expect(
      reading.map(({ method, path }) => `${method} ${path}`).filter((route) => !covered.has(route)),
    ).toEqual([])
  })

  test('has every name in a path, and something of every body', () => {
    const missing = routes().flatMap(({ method, path, takes }) => {
      const route = `${method} ${path}`
      const own = fields.filter((field) => field.route === route).map(({ name }) => name)
      const names = path.split('/').filter((segment) => segment.startsWith(':'))
      const bodies = own.filter((name) => !/^[:?]|:$/.test(name))
      const isRead = takes === 'nothing' || route === 'POST /gateway/v1/ack' || bodies.length > 0
      // The documents are a list of their own.
      const isWhole = isRead || (method === 'PUT' && documents.length > 0)
      return [...names.filter((name) => !own.includes(name)), ...(isWhole ? [] : ['body'])].map(
        (what) => `${route} ${what}`,
      )
    })
    expect(missing).toEqual([])
  })

  test('has 515 texts to send', () => expect(STRINGS).toHaveLength(515))
})

/** The JSON texts of JSONTestSuite: `n_` are none, `y_` are, `i_` may be either. */
const VECTORS = readdirSync(vectorFile('json', 'test_parsing')).map((name) => {
  return { name, body: readFileSync(join(vectorFile('json', 'test_parsing'), name)) }
})

function problemWithJson({ name, body }: (typeof VECTORS)[number], answer: Knocked): string | undefined {
  const { status, text } = answer
  const isNone = status === 400 && reasonOf(answer) === 'http.json'
  const isLong = body.length > 60_000 && status === 413
  const right = name.startsWith('n_') ? isNone || isLong : status < 500
  return right ? undefined : `${status} ${text.slice(0, 160)}`
}

test('all 318 texts of JSONTestSuite are answered by every route that takes JSON, to somebody who may ask', async () => {
  expect(VECTORS).toHaveLength(318)
  const wrong: string[] = []
  for (const place of places.filter(({ json }) => json !== undefined)) {
    const make = askerOf(surface, kinds, place)
    const ask = ({ body }: (typeof VECTORS)[number]) => knock(surface, place.door, { ...make({}), body })
    const found = await wrongAnswers(VECTORS, ask, problemWithJson)
    wrong.push(...found.map(({ item, problem }) => `${place.name}, ${item.name}: ${problem}`))
  }
  expect(wrong).toEqual([])
}, 60_000)

test('no text of the big list of naughty strings breaks anything, or comes back as a page, in any field of a route that agents use', async () => {
  const own = fields.filter(({ route }) => /^\w+ \/(?:t|\.well-known)\//.test(route))
  expect(own.length).toBeGreaterThan(60)
  expect(await wrongIn(surface, own)).toEqual([])
}, 300_000)

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
