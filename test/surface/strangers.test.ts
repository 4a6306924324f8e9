import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Route } from '../../src/lib/http/route.ts'
import { type Surface, startSurface, TENANTS } from '../support/authority.ts'
import { FORGERIES, STRANGERS } from '../support/forgeries.ts'
import { goodTokens, KINDS, type Kind, type KindName } from '../support/kinds.ts'
import { type Door, type Knocked, knock, reasonOf } from '../support/knock.ts'
import { type Place, placesOf, show } from '../support/places.ts'
import { documentedReasons } from './reason-codes.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
let places: readonly Place[]
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
  places = await placesOf(surface, kinds)
})
afterAll(() => surface?.close())

const known = new Set(documentedReasons().map(({ code }) => code))
const kind = (name: KindName): Kind => kinds.get(name) as Kind
const now = () => Math.floor(Date.now() / 1000)
/** What may be said to somebody who proved nothing: never yes, never that we broke, and always why by a documented code. */
function wrongAnswer(answer: Knocked): string | undefined {
  const reason = reasonOf(answer)
  if (![400, 401, 403].includes(answer.status)) return `${answer.status} ${answer.text.slice(0, 200)}`
  if (reason === undefined || !known.has(reason))
    return `an undocumented reason: ${answer.text.slice(0, 200)}`
  return /html/.test(String(answer.headers['content-type'])) ? 'a page' : undefined
}
const idle = async () => [await surface.revision(), ...(await Promise.all(TENANTS.map(surface.records)))]

function tables(): readonly (readonly [Door, Route])[] {
  const { authority, gateway } = surface
  return [
    ...authority.routes.address.map((route) => ['authority', route] as const),
    ...authority.routes.socket.map((route) => ['socket', route] as const),
    ...gateway.routes.address.map((route) => ['gateway', route] as const),
  ]
}
const named = ({ method, path }: Route) => `${method} ${path}`

/** Anybody may read these; `login` stands on the unix socket alone, where opening it is the proof. */
const PUBLIC = [
  'authority GET /.well-known/oauth-authorization-server/t/:tenant',
  'authority GET /.well-known/openid-configuration/t/:tenant',
  'authority GET /t/:tenant/.well-known/openid-configuration',
  'authority GET /t/:tenant/.well-known/oauth-authorization-server',
  'authority GET /t/:tenant/jwks.json',
  'authority GET /t/:tenant/authorize',
  'authority GET /t/:tenant/sign-in',
  'authority POST /t/:tenant/consent',
  'authority POST /t/:tenant/par',
  'authority POST /t/:tenant/register',
  'authority GET /t/:tenant/connect/:ticket',
  'authority POST /t/:tenant/connect',
  'authority GET /t/:tenant/connected',
  'authority GET /t/:tenant/connections',
  'authority POST /t/:tenant/connections',
  'authority GET /t/:tenant/client.json',
  'authority GET /.well-known/authzen-configuration/t/:tenant',
  'socket POST /admin/v1/login',
  'gateway GET /.well-known/oauth-protected-resource/t/:tenant/mcp/:resource',
  'gateway GET /.well-known/oauth-protected-resource',
]

describe('every route that is served', () => {
  test('is public by name, or has a place here that is tried with strangers', () => {
    const open = tables().filter(([, { guard }]) => guard === 'public')
    expect(open.map(([door, route]) => `${door} ${named(route)}`)).toEqual(PUBLIC)
    const guarded = tables().filter(([, { guard }]) => guard !== 'public')
    const covered = new Set(places.map(({ door, route }) => `${door} ${route}`))
    const all = guarded.map(([door, route]) => `${door} ${named(route)}`)
    expect(all.filter((each) => !covered.has(each))).toEqual([])
    expect([...covered].filter((each) => !all.includes(each))).toEqual([])
  })

  test('answers a good token of its own kind as it should, so that a no means the token', async () => {
    for (const place of places) {
      const [takes] = place.takes
      const { token, caller } = kind(takes as KindName)
      const answer = await show(surface, place, token, caller)
      expect([place.name, answer.status, answer.status === place.status || answer.text]).toEqual([
        place.name,
        place.status,
        true,
      ])
    }
  })

  test('refuses who proves nothing, and nothing changes', async () => {
    const before = await idle()
    const wrong: string[] = []
    for (const place of places) {
      const { token, caller } = kind(place.takes[0] as KindName)
      const bare = [
        ['no token', await show(surface, place, undefined, caller)],
        ['an empty token', await show(surface, place, '', caller)],
        ...(place.how === 'bearer' ? [] : [['no proof', await show(surface, place, token, NO_KEY)] as const]),
      ] as const
      for (const [name, answer] of bare) {
        const problem = wrongAnswer(answer)
        if (problem) wrong.push(`${place.name} with ${name}: ${problem}`)
      }
    }
    expect(wrong).toEqual([])
    expect((await idle())[0]).toBe(before[0])
  })

  test('refuses tokens of strangers', async () => {
    const before = await surface.revision()
    const wrong: string[] = []
    for (const place of places) {
      const good = kind(place.takes[0] as KindName)
      for (const { name, make } of STRANGERS) {
        const token = make(good, now())
        const problem =
          token === undefined ? undefined : wrongAnswer(await show(surface, place, token, good.caller))
        if (problem) wrong.push(`${place.name} with a token ${name}: ${problem}`)
      }
    }
    expect(wrong).toEqual([])
    expect(await surface.revision()).toBe(before)
  })
})

/** Brings no proof. */
const NO_KEY = { keyless: true, prove: () => undefined } as unknown as Kind['caller']

describe('each kind of token', () => {
  test('is taken at its own places, and refused at every other', async () => {
    const wrong: string[] = []
    for (const place of onePlaceOfEach(places)) {
      for (const name of KINDS.filter((each) => !place.takes.includes(each))) {
        const { token, caller } = kind(name)
        const problem = wrongAnswer(await show(surface, place, token, caller))
        if (problem) wrong.push(`${place.name} with ${name}: ${problem}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('is refused when anything about it is not right', async () => {
    const before = await surface.revision()
    const wrong: string[] = []
    for (const place of onePlaceOfEach(places)) {
      for (const name of place.takes) {
        for (const forgery of FORGERIES) {
          const good = kind(name)
          const token = forgery.make(good, now())
          if (token === undefined) continue
          const problem = wrongAnswer(await show(surface, place, token, good.caller))
          if (problem) wrong.push(`${place.name} with ${name} ${forgery.name}: ${problem}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(await surface.revision()).toBe(before)
  })

  test('is still good afterwards: what refuses forgeries revokes nobody', async () => {
    for (const place of onePlaceOfEach(places).filter(({ name }) => name !== 'back-channel logout')) {
      const { token, caller } = kind(place.takes[0] as KindName)
      expect([place.name, (await show(surface, place, token, caller)).status]).toEqual([
        place.name,
        place.status,
      ])
    }
  })
})

/** The administrators' routes share one guard; forgeries are tried at one of them at each door. */
function onePlaceOfEach(all: readonly Place[]): readonly Place[] {
  return all.filter(({ how, route }) => how !== 'bearer' || route === 'GET /admin/v1/tenants')
}

test('what is at no route is nothing, for anybody, at every door', async () => {
  const paths = [
    '/',
    '/t',
    '/t/a',
    '/t/a/token/',
    '/t//token',
    '/admin',
    '/admin/v1',
    '/gateway/v1',
    '/admin/v1/login/x',
  ]
  const more = [
    '/t/a/mcp',
    '/t/a/mcp/orders/x',
    '/metrics',
    '/debug',
    '/health',
    '/favicon.ico',
    '/../etc/passwd',
  ]
  for (const door of ['authority', 'socket', 'gateway'] as const) {
    for (const path of [...paths, ...more]) {
      for (const method of ['GET', 'POST', 'OPTIONS', 'TRACE', 'PATCH']) {
        const answer = await knock(surface, door, { method, path })
        expect([door, path, answer.status, reasonOf(answer)]).toEqual([door, path, 404, 'http.not_found'])
      }
    }
  }
})

test('login stands on the socket and nowhere else', async () => {
  for (const door of ['authority', 'gateway'] as const)
    expect((await knock(surface, door, { method: 'POST', path: '/admin/v1/login' })).status).toBe(404)
  expect((await knock(surface, 'socket', { method: 'POST', path: '/admin/v1/login' })).status).toBe(200)
})

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
