import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DECLARED } from '../../src/core/registry.ts'
import type { Route } from '../../src/lib/http/route.ts'
import { type Surface, startSurface, TENANTS } from '../support/authority.ts'
import { accessForm, FORM } from '../support/caller.ts'
import { goodTokens, type Kind, type KindName, reportFact } from '../support/kinds.ts'
import { type Door, type Knock, type Knocked, knock, reasonOf } from '../support/knock.ts'
import { callOf } from '../support/places.ts'
import { vectorFile } from '../vectors.ts'
import { documentedReasons } from './reason-codes.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
})
afterAll(() => surface?.close())

const known = new Set(documentedReasons().map(({ code }) => code))
const JSON_TYPE = 'application/json'

type Line = { readonly door: Door; readonly route: Route; readonly path: string }

/** Each route once, with names in its path that are there. */
function lines(): readonly Line[] {
  const { authority, gateway } = surface
  const at = (door: Door, routes: readonly Route[]) =>
    routes.map((route) => ({ door, route, path: pathOf(route.path) }))
  const socketOnly = authority.routes.socket.filter(({ path }) => path === '/admin/v1/login')
  return [
    ...at('authority', authority.routes.address),
    ...at('socket', socketOnly),
    ...at('gateway', gateway.routes.address),
  ]
}

const NAMES: Readonly<Record<string, string>> = {
  tenant: 'a',
  idp: 'company',
  resource: 'orders',
  kind: 'user',
  name: 'ana@a.example',
  link: 'session:ses_x',
  decision: 'dec_x',
}
const pathOf = (path: string) => path.replaceAll(/:([a-z]+)/g, (_whole, name: string) => NAMES[name] ?? 'x')
const taking = (takes: Route['takes']) => lines().filter(({ route }) => route.takes === takes)

/** A refusal of the door: one of these statuses, JSON in its protocol's words, a reason that stands in docs/errors.md. */
function problemWith(
  answer: Knocked,
  statuses: readonly number[],
  reasons?: readonly string[],
): string | undefined {
  const reason = reasonOf(answer)
  const said = `${answer.status} ${answer.text.slice(0, 160)}`
  if (!statuses.includes(answer.status)) return said
  if (reason === undefined || !known.has(reason)) return `undocumented: ${said}`
  if (reasons && !reasons.includes(reason)) return said
  return /json/.test(String(answer.headers['content-type'])) ? undefined : `not JSON: ${said}`
}

async function refusals(
  all: readonly Line[],
  make: (line: Line) => Omit<Knock, 'path'> & { readonly path?: string },
  statuses: readonly number[],
  reasons?: readonly string[],
): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const line of all) {
    const answer = await knock(surface, line.door, { path: line.path, ...make(line) })
    const problem = problemWith(answer, statuses, reasons)
    if (problem) wrong.push(`${line.route.method} ${line.route.path}: ${problem}`)
  }
  return wrong
}

const state = async () => [await surface.revision(), ...(await Promise.all(TENANTS.map(surface.records)))]
/** Nothing that is refused at the door changes anything, and none of it is recorded: anybody could fill the log with it. */
async function unchanged(act: () => Promise<void>): Promise<void> {
  const before = await state()
  await act()
  expect(await state()).toEqual(before)
}

describe('the door of every route', () => {
  test.each(['PUT', 'DELETE', 'POST', 'GET', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY'])(
    'refuses %s where it is not in the table, with 405 and what is',
    async (method) => {
      const served = new Map<string, Set<string>>()
      for (const { route, door } of lines()) {
        const key = `${door} ${route.path}`
        served.set(key, new Set([...(served.get(key) ?? []), route.method]))
      }
      const wrong: string[] = []
      for (const { route, door, path } of lines()) {
        const methods = served.get(`${door} ${route.path}`)
        if (methods?.has(method)) continue
        const { status, headers, text } = await knock(surface, door, { method, path })
        const allowed = String(headers['allow']).split(', ').sort().join()
        if (status !== 405 || allowed !== [...(methods ?? [])].sort().join())
          wrong.push(`${route.path}: ${status} ${text}`)
      }
      expect(wrong).toEqual([])
    },
  )

  test('refuses a body where none is taken', async () => {
    const make = ({ route }: Line) => ({
      method: route.method,
      headers: { 'content-type': JSON_TYPE },
      body: '{}',
    })
    expect(await refusals(taking('nothing'), make, [400], ['http.body_unexpected'])).toEqual([])
  })

  test.each(wrongTypes())('refuses the content type %j', async (type) => {
    await unchanged(async () => {
      for (const takes of ['json', 'form'] as const) {
        const right = takes === 'json' ? JSON_TYPE : FORM
        if (type === right) continue
        const body = takes === 'json' ? '{}' : 'a=b'
        const make = ({ route }: Line) => ({
          method: route.method,
          headers: type === undefined ? {} : { 'content-type': type },
          body,
        })
        expect(await refusals(taking(takes), make, [415], ['http.media_type'])).toEqual([])
      }
    })
  })

  test('refuses two content types, and a content encoding', async () => {
    for (const takes of ['json', 'form'] as const) {
      const right = takes === 'json' ? JSON_TYPE : FORM
      const body = takes === 'json' ? '{}' : 'a=b'
      const odd: readonly NonNullable<Knock['headers']>[] = [
        { 'content-type': [right, 'text/plain'] },
        { 'content-type': [right, right] },
        { 'content-type': right, 'content-encoding': 'gzip' },
      ]
      for (const headers of odd) {
        const make = ({ route }: Line) => ({ method: route.method, headers, body })
        expect(await refusals(taking(takes), make, [415], ['http.media_type'])).toEqual([])
      }
    }
  })

  test.each(['%', '%zz', '%00', '%61', '%2e%2e', '%c3%28', '..', '.'])(
    'refuses a path parameter that is spelled %j',
    async (name) => {
      const named = lines().filter(({ route }) => route.path.includes(':'))
      for (const { route, door } of named) {
        const path = route.path.replaceAll(/:[a-z]+/g, name)
        const answer = await knock(surface, door, { method: route.method, path })
        expect([route.path, answer.status, problemWith(answer, [400, 404])]).toEqual([
          route.path,
          expect.any(Number),
          undefined,
        ])
      }
    },
  )

  test.each(['?a=1&a=2', '?%', '?a=%zz', '?a=%00', `?${'a=1&'.repeat(101)}b=1`])(
    'refuses the query %j',
    async (query) => {
      const quiet = taking('nothing').filter(({ route }) => route.guard === 'public')
      const make = ({ route, path }: Line) => ({ method: route.method, path: path + query })
      expect(await refusals(quiet, make, [400], ['http.query'])).toEqual([])
    },
  )

  test('refuses more header fields than it reads, and longer ones', async () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, at) => [`x-${at}`, 'x']))
    const make = ({ route }: Line) => ({ method: route.method, headers: many })
    expect(await refusals(lines(), make, [431], ['http.headers'])).toEqual([])
    for (const { door, path, route } of lines()) {
      const long = { method: route.method, path, headers: { 'x-long': 'x'.repeat(20_000) } }
      expect((await knock(surface, door, long)).status).toBe(431)
    }
  })
})

function wrongTypes(): readonly (string | undefined)[] {
  const spellings = ['json', 'x-www-form-urlencoded'].flatMap((what) => {
    const right = `application/${what}`
    return [
      `${right}; charset=utf-16`,
      `${right}; charset=iso-8859-1`,
      `${right};charset=`,
      `${right}; charset=utf-8; charset=utf-16`,
      `${right}; boundary=x`,
      `${right};`,
      `${right} x`,
      `${right}, text/plain`,
      `text/plain; ${right}`,
      `${right}x`,
      `x${right}`,
      `${right}/x`,
      `application /${what}`,
      `application/ ${what}`,
      `application\t/${what}`,
      `"${right}"`,
      `${right}; charset='utf-8'`,
      `${right}\u00a0`,
      `application/x+${what}`,
      `${what}`,
    ]
  })
  const others = [
    'text/plain',
    'text/json',
    'multipart/form-data; boundary=x',
    'application/xml',
    '*/*',
    '',
    ';',
    'application/*',
  ]
  return [undefined, ...others, 'application/jsonp', 'application/problem+json', ...spellings]
}

const vectors = (start: string) =>
  readdirSync(vectorFile('json', 'test_parsing'))
    .filter((name) => name.startsWith(start))
    .map((name) => [name, readFileSync(join(vectorFile('json', 'test_parsing'), name))] as const)

describe('every route that takes JSON', () => {
  const post = (body: string | Buffer) => {
    return ({ route }: Line) => ({ method: route.method, headers: { 'content-type': JSON_TYPE }, body })
  }

  test('refuses every text of JSONTestSuite that is none', async () => {
    expect(vectors('n_').length).toBeGreaterThan(150)
    await unchanged(async () => {
      const wrong: string[] = []
      for (const [name, body] of vectors('n_')) {
        const sizes = body.length > 60_000 ? [400, 413] : [400]
        const found = await refusals(taking('json'), post(body), sizes, ['http.json', 'http.too_large'])
        wrong.push(...found.map((each) => `${name}: ${each}`))
      }
      expect(wrong).toEqual([])
    })
  }, 60_000)

  test('never breaks on the texts that a parser may take or not', async () => {
    await unchanged(async () => {
      for (const [, body] of [...vectors('i_'), ...vectors('y_')]) {
        expect(await refusals(taking('json'), post(body), [400, 401, 404])).toEqual([])
      }
    })
  }, 60_000)

  test.each([
    ['a member twice', '{"a":1,"a":2}'],
    ['a member twice, spelled another way', '{"a":1,"\\u0061":2}'],
    ['a member twice, deep inside', '{"x":[{"y":{"a":1,"b":2,"a":3}}]}'],
    ['10 000 arrays in one another', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['10 000 objects in one another', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['33 arrays in one another', '['.repeat(33) + ']'.repeat(33)],
    ['nothing', ''],
    ['a NUL in a text', '{"a":"\\u0000"}'],
    ['half a character', '{"a":"\\ud800"}'],
    ['a byte order mark', '\ufeff{}'],
    ['two texts', '{}{}'],
    ['a number that is none', '{"a":NaN}'],
  ])('refuses %s', async (_name, body) => {
    await unchanged(async () => {
      expect(await refusals(taking('json'), post(body), [400], ['http.json'])).toEqual([])
    })
  })

  test('refuses what is larger than it takes', async () => {
    await unchanged(async () => {
      for (const line of taking('json')) {
        const body = JSON.stringify('x'.repeat((line.route.maxBytes ?? 65_536) + 1))
        expect(await refusals([line], post(body), [413], ['http.too_large'])).toEqual([])
      }
    })
  }, 60_000)
})

describe('every route that takes a form', () => {
  const post = (body: string) => {
    return ({ route }: Line) => ({ method: route.method, headers: { 'content-type': FORM }, body })
  }

  test.each([
    ['a parameter twice', 'grant_type=a&grant_type=b'],
    ['a parameter twice, spelled another way', 'token=a&tok%65n=b'],
    ['an escape that is cut short', 'a=%6'],
    ['an escape that is none', 'a=%zz'],
    ['bytes that are no UTF-8', 'a=%c3%28'],
    ['an overlong escape', 'a=%c0%af'],
    ['a NUL', 'a=%00'],
    ['a byte that is not escaped', 'a=\u00e4'],
    ['more parameters than it reads', Array.from({ length: 101 }, (_, at) => `a${at}=1`).join('&')],
  ])('refuses %s', async (_name, body) => {
    await unchanged(async () => {
      expect(await refusals(taking('form'), post(body), [400], ['http.form'])).toEqual([])
    })
  })

  test('refuses what is larger than it takes', async () => {
    expect(
      await refusals(taking('form'), post(`a=${'x'.repeat(70_000)}`), [413], ['http.too_large']),
    ).toEqual([])
  })
})

describe('a refusal', () => {
  const kind = (name: KindName) => kinds.get(name) as Kind
  const shown = (name: KindName, door: Door, path: string, json: unknown, more: Knock['headers'] = {}) => {
    const { token, caller } = kind(name)
    const origin = door === 'gateway' ? surface.gatewayOrigin : surface.origin
    const proof = { authorization: `DPoP ${token}`, dpop: caller.prove('POST', origin + path, token) }
    const headers = { ...proof, 'content-type': JSON_TYPE, ...more }
    return knock(surface, door, { method: 'POST', path, headers, body: JSON.stringify(json) })
  }
  const recorded = async (tenant: string, act: () => Promise<Knocked>) => {
    const before = await surface.records(tenant)
    const answer = await act()
    return [answer.status, reasonOf(answer), (await surface.records(tenant)) - before]
  }

  test('of an authority that was a decision is recorded once', async () => {
    const { token, caller } = kind('agent token')
    const alone = accessForm(token, surface.uri('a', 'orders'))
    expect(await recorded('a', () => caller.ask('a', alone))).toEqual([400, 'user.required', 1])
    const says = (word: string) =>
      reportFact(surface, kind('facts token').caller, kind('facts token').token, word)
    await says('compromised')
    const lease = () =>
      shown('warehouse token', 'authority', '/t/operator/leases', { tools: ['read:orders_daily'] })
    expect(await recorded('operator', lease)).toEqual([403, 'condition.false', 1])
    await says('clean')
  })

  test('of a gateway that was a decision is recorded once, and shipped', async () => {
    const before = await surface.records('a')
    const call = callOf('get_order', { customer_id: 'c-77', order_id: 'o-1003' })
    const answer = await shown('orders token', 'gateway', '/t/a/mcp/orders', call.json, call.headers)
    expect([answer.status, reasonOf(answer)]).toEqual([200, 'user.no_permit'])
    await expect.poll(() => surface.records('a'), { timeout: 5000 }).toBe(before + 1)
  })

  test('of what could not be read, or of a stranger, is not recorded', async () => {
    const { caller } = kind('agent token')
    const stranger = (json: unknown) =>
      knock(surface, 'authority', {
        method: 'POST',
        path: '/t/operator/leases',
        headers: { authorization: 'DPoP a.b.c', 'content-type': JSON_TYPE },
        body: JSON.stringify(json),
      })
    expect(await recorded('operator', () => stranger({}))).toEqual([401, 'token.malformed', 0])
    expect(await recorded('operator', () => stranger([]))).toEqual([400, 'lease.body', 0])
    expect(await recorded('a', () => caller.ask('a', {}))).toEqual([400, 'request.grant_type', 0])
  })
})

describe('a declared document', () => {
  const admin = (method: string, path: string, body?: unknown) =>
    knock(surface, 'authority', {
      method,
      path: `/admin/v1/t/${path}`,
      headers: {
        authorization: `Bearer ${surface.adminToken}`,
        ...(body === undefined ? {} : { 'content-type': JSON_TYPE }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  // What is written in Cedar is given as its text.
  const kept = DECLARED.filter((kindOf) => kindOf !== 'policy' && kindOf !== 'template')

  test.each(kept)('of the kind %s is refused with a key that it does not have', async (kindOf) => {
    const found = await Promise.all(TENANTS.map((tenant) => admin('GET', `${tenant}/${kindOf}`)))
    const [first] = found.flatMap(({ json }) => json['documents'] as readonly Document[])
    if (!first) throw new Error(`the demo declares no ${kindOf}`)
    const path = `${first.tenant}/${kindOf}/${encodeURIComponent(first.name).replaceAll('%40', '@')}`
    const answer = await admin('PUT', path, { ...first.doc, gaurd: 'x' })
    const [problem] = answer.json['problems'] as readonly { readonly code: string }[]
    expect([answer.status, problem?.code]).toEqual([422, 'configuration.unknown_key'])
  })
})
type Document = { readonly tenant: string; readonly name: string; readonly doc: object }

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
