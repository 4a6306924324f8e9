import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { encode, FORM } from '../support/caller.ts'
import { goodTokens, type Kind, type KindName } from '../support/kinds.ts'
import type { Knock } from '../support/knock.ts'
import { answersTo } from '../support/naughty-strings.ts'
import { callOf } from '../support/places.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
})
afterAll(() => surface?.close())

const kind = (name: KindName): Kind => kinds.get(name) as Kind

function json(name: KindName, path: string, body: unknown, more: Knock['headers'] = {}): Knock {
  const { token, caller } = kind(name)
  const origin = path.includes('/mcp/') ? surface.gatewayOrigin : surface.origin
  const shown =
    name === 'admin token'
      ? { authorization: `Bearer ${token}` }
      : { authorization: `DPoP ${token}`, dpop: caller.prove('POST', origin + path, token) }
  const headers = { ...shown, 'content-type': 'application/json', ...more }
  return { method: 'POST', path, headers, body: JSON.stringify(body) }
}

/** Fields one by one are in bad-input-fields; here the same text stands in two places that must agree, or where no field is expected. */
describe('any text', () => {
  const INPUT = { customer_id: 'c-77', order_id: 'o-1' }
  test.each<[string, (text: string) => ReturnType<typeof callOf>]>([
    [
      'the name of a tool, in the message and in the header that repeats it',
      (text) => named(callOf('x', {}), text),
    ],
    ["an argument's name", (text) => callOf('get_order', { ...INPUT, [text]: 'x' })],
    ["a member's name of a message", (text) => withMember(text)],
  ])('as %s', async (_name, make) => {
    const asking = (text: string) => {
      const { json: body, headers } = make(text)
      return json('orders token', '/t/a/mcp/orders', body, headers)
    }
    expect(await answersTo(surface, 'gateway', asking)).toEqual([])
  })

  test("as a parameter's name of a form, and of a query", async () => {
    const path = '/t/a/token'
    const form = (text: string): Knock => {
      const dpop = kind('ID token').caller.prove('POST', surface.origin + path)
      return {
        method: 'POST',
        path,
        headers: { 'content-type': FORM, dpop },
        body: encode({ [text.toWellFormed()]: 'x' }),
      }
    }
    expect(await answersTo(surface, 'authority', form)).toEqual([])
    const headers = { authorization: `Bearer ${surface.adminToken}` }
    const query = (text: string) => ({
      method: 'GET',
      path: `/admin/v1/tenants?${encode({ [text.toWellFormed()]: 'x' })}`,
      headers,
    })
    expect(await answersTo(surface, 'authority', query)).toEqual([])
  })

  test("as a variable's name of a configuration", async () => {
    const files = [{ path: 'x.yaml', text: `tenant: ${['$', '{x}'].join('')}` }]
    const asking = (text: string) =>
      json('admin token', '/admin/v1/check', { files, variables: { [text]: 'x' } })
    expect(await answersTo(surface, 'authority', asking)).toEqual([])
  })

  test('as the name of a document that is written under it, and the tenant stands', async () => {
    const make = (text: string): Knock => ({
      ...json('admin token', `/admin/v1/t/b/user/${encodeURIComponent(text.toWellFormed())}`, {
        user: text,
        idp: 'company',
        sub: text,
      }),
      method: 'PUT',
    })
    expect(await answersTo(surface, 'authority', make)).toEqual([])
    const { tenants } = await surface.admin.tenants()
    expect(tenants.map(({ state }) => state)).toEqual(['active', 'active', 'active'])
  }, 60_000)
})

/** A tool's name is repeated in a header, encoded where a header can't hold it. */
function named(call: ReturnType<typeof callOf>, name: string): ReturnType<typeof callOf> {
  const body = call.json as { readonly params: object }
  const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`
  return {
    json: { ...body, params: { ...body.params, name } },
    headers: { ...call.headers, 'mcp-name': encoded },
  }
}

function withMember(name: string): ReturnType<typeof callOf> {
  const call = callOf('get_order', { customer_id: 'c-77', order_id: 'o-1' })
  return { ...call, json: { ...call.json, [name]: 'x' } }
}

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
