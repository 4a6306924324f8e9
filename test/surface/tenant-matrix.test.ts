import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Route } from '../../src/lib/http/route.ts'
import { type Surface, startSurface } from '../support/authority.ts'
import { accessForm, encode, FORM, JWT_BEARER } from '../support/caller.ts'
import { goodTokens, type Kind, type KindName } from '../support/kinds.ts'
import { type Knock, type Knocked, knock, reasonOf } from '../support/knock.ts'
import { adminNamings, agentNamings, askersOf, type Matrix, whatIsOnlyTheirs } from '../support/namings.ts'
import { LISTING, MCP_HEADERS } from '../support/places.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
let matrix: Matrix
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
  const kind = (name: KindName): Kind => kinds.get(name) as Kind
  matrix = { surface, kind, theirs: await whatIsOnlyTheirs({ surface, kind }) }
})
afterAll(() => surface?.close())

const kind = (name: KindName): Kind => kinds.get(name) as Kind

/** An answer without what is new in each: ids, times, and the very name that was asked for. */
function plain({ status, headers, text }: Knocked, name: string): unknown {
  const body = text
    .replaceAll(encodeURIComponent(name), '<name>')
    .replaceAll(name, '<name>')
    .replaceAll(/\b(dec|evt|lea|ses|tok)_[a-z0-9]+/g, '<id>')
    .replaceAll(/"(at|revision|ms|connectedMs|expires_in|treeSize)":[\d.]+/g, '"$1":0')
  return {
    status,
    type: headers['content-type'],
    challenge: headers['www-authenticate'],
    allow: headers['allow'],
    body,
  }
}

const named = ({ method, path }: Route) => `${method} ${path}`
const TENANT_ONLY =
  /^\/t\/:tenant\/(jwks\.json|client\.json|connections|\.well-known\/.*)$|^\/\.well-known\/(oauth-authorization-server|openid-configuration|authzen-configuration)\/t\/:tenant$/

describe('every route that names a tenant, or something of one', () => {
  test('has a line here', () => {
    const { authority, gateway } = surface
    const all = [...authority.routes.address, ...gateway.routes.address]
    const naming = all.filter(({ path }) => path.includes('/:') && !TENANT_ONLY.test(path)).map(named)
    const tried = new Set([...agentNamings(matrix), ...adminNamings(matrix)].map(({ route }) => route))
    expect(naming.filter((route) => !tried.has(route))).toEqual([])
    const known = new Set(all.map(named))
    expect([...tried].filter((route) => !known.has(route))).toEqual([])
  })

  test("answers the name of another tenant's object as it answers a name of nothing", async () => {
    const wrong: unknown[] = []
    for (const { route, says, door = 'authority', names, ask } of [
      ...agentNamings(matrix),
      ...adminNamings(matrix),
    ]) {
      const [one, two] = [
        await knock(surface, door, await ask(names[0])),
        await knock(surface, door, await ask(names[1])),
      ]
      const [found, nothing] = [plain(one, names[0]), plain(two, names[1])]
      if (JSON.stringify(found) !== JSON.stringify(nothing)) wrong.push({ route, says, found, nothing })
      if (one.status >= 500) wrong.push({ route, says, broken: one.text })
    }
    expect(wrong).toEqual([])
  })

  test('answers a tenant that is not there with 404, whoever asks', async () => {
    const { authority, gateway } = surface
    for (const [door, table] of [
      ['authority', authority.routes.address],
      ['gateway', gateway.routes.address],
    ] as const) {
      for (const route of table.filter(
        ({ path }) => path.includes('/t/:tenant') && !path.startsWith('/admin'),
      )) {
        const answer = await knock(surface, door, requestOf(route, 'nowhere'))
        expect([named(route), answer.status, reasonOf(answer)]).toEqual([named(route), 404, 'http.not_found'])
      }
    }
  })

  test('leaves the other tenant as it was', async () => {
    const { caller } = kind('orders token')
    const path = '/t/b/introspect'
    const dpop = caller.prove('POST', surface.origin + path)
    const client_assertion = await caller.agentToken('b')
    const body = encode({ client_assertion, client_assertion_type: JWT_BEARER, token: matrix.theirs.token })
    const answer = await knock(surface, 'authority', {
      method: 'POST',
      path,
      headers: { 'content-type': FORM, dpop },
      body,
    })
    expect(answer.json['active']).toBe(true)
    for (const name of ['user', 'delegation', 'resource', 'idp']) {
      expect(
        (await knock(surface, 'authority', askersOf(matrix).asAdmin('GET', `/admin/v1/t/b/${name}/only-b`)))
          .status,
      ).toBe(200)
    }
  })
})

function requestOf({ method, path, takes }: Route, tenant: string): Knock {
  const filled = path.replace(':tenant', tenant).replaceAll(/:[a-z]+/g, 'x')
  if (takes === 'nothing') return { method, path: filled }
  const type = takes === 'json' ? 'application/json' : FORM
  return { method, path: filled, headers: { 'content-type': type }, body: takes === 'json' ? '{}' : 'a=b' }
}

describe("A's token on B's URL", () => {
  test.each([
    ['orders token', 'gateway', 'POST', '/t/b/mcp/orders'],
    ['orders token', 'gateway', 'GET', '/t/b/mcp/orders'],
    ['orders token', 'gateway', 'DELETE', '/t/b/mcp/orders'],
    ['warehouse token', 'authority', 'POST', '/t/b/leases'],
    ['warehouse token', 'authority', 'POST', '/t/a/leases'],
    ['facts token', 'authority', 'POST', '/t/b/facts'],
    ['facts token', 'authority', 'POST', '/t/a/facts'],
    ['authzen token', 'authority', 'POST', '/t/b/access/v1/evaluation'],
    ['authzen token', 'authority', 'POST', '/t/operator/access/v1/search/subject'],
  ] as const)('%s at the %s: %s %s is refused with 401', async (name, door, method, path) => {
    const origin = door === 'gateway' ? surface.gatewayOrigin : surface.origin
    const json = { 'POST /t/b/mcp/orders': LISTING, 'POST /t/b/leases': {}, 'POST /t/a/leases': {} }
    const fact = path.endsWith('/facts') ? { subject: 'agent:operator/pipeline', says: 'clean' } : undefined
    const question = path.includes('/access/v1/') ? {} : undefined
    const body = json[`${method} ${path}` as keyof typeof json] ?? fact ?? question
    const asked = askersOf(matrix).withToken(name, method, path, body, origin)
    const answer = await knock(surface, door, {
      ...asked,
      headers: { ...asked.headers, ...(door === 'gateway' ? MCP_HEADERS : {}) },
    })
    expect([answer.status, reasonOf(answer)]).toEqual([401, 'token.issuer'])
  })

  test('an agent token for A is no client at B', async () => {
    const { token, caller } = kind('agent token')
    const form = accessForm(token, surface.uri('b', 'catalogue'))
    const answer = await caller.ask('b', form)
    expect([answer.status, answer.json['error']]).toEqual([401, 'invalid_client'])
  })
})

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
