import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { accessForm, attestForm, encode, FORM, type Form, JWT_BEARER } from '../support/caller.ts'
import { goodTokens, type Kind, type KindName } from '../support/kinds.ts'
import { type Door, type Knock, type Knocked, knock } from '../support/knock.ts'
import { callOf, LISTING, MCP_HEADERS } from '../support/places.ts'
import { vectorFile } from '../vectors.ts'

let surface: Surface
let kinds: ReadonlyMap<KindName, Kind>
beforeAll(async () => {
  surface = await startSurface()
  kinds = await goodTokens(surface)
})
afterAll(() => surface?.close())

/** The big list of naughty strings: what people type that breaks programs. */
const STRINGS = JSON.parse(readFileSync(vectorFile('blns', 'blns.json'), 'utf8')) as readonly string[]
const kind = (name: KindName): Kind => kinds.get(name) as Kind

/** What may come back for any text: never that we broke, never a page, never anything a browser would guess to be one. */
function problemWith({ status, headers, text }: Knocked): string | undefined {
  if (status >= 500) return `${status} ${text.slice(0, 200)}`
  const type = String(headers['content-type'] ?? '')
  if (text !== '' && !/^application\/(problem\+)?json$|^application\/x-ndjson$/.test(type))
    return `type ${type}`
  if (headers['x-content-type-options'] !== 'nosniff') return 'may be sniffed'
  try {
    if (text !== '') JSON.parse(text)
    return undefined
  } catch {
    return `no JSON: ${text.slice(0, 200)}`
  }
}

/** Sends each text at a place, some at a time, and says which answers must not be. */
async function answersTo(door: Door, make: (text: string) => Knock): Promise<readonly string[]> {
  const left = [...STRINGS]
  const wrong: string[] = []
  const work = async () => {
    for (let text = left.pop(); text !== undefined; text = left.pop()) {
      const problem = problemWith(await knock(surface, door, make(text)))
      if (problem) wrong.push(`${JSON.stringify(text).slice(0, 80)}: ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: 6 }, work))
  return wrong
}

function form(path: string, fields: Form, name: KindName): Knock {
  const dpop = kind(name).caller.prove('POST', surface.origin + path)
  return { method: 'POST', path, headers: { 'content-type': FORM, dpop }, body: encode(fields) }
}

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

function read(path: string): Knock {
  return { method: 'GET', path, headers: { authorization: `Bearer ${surface.adminToken}` } }
}

test('there are as many as there should be', () => expect(STRINGS.length).toBeGreaterThan(500))

describe('any text in a form', () => {
  const exchange = () =>
    accessForm(kind('agent token').token, surface.uri('a', 'orders'), kind('ID token').token)
  test.each([
    ...['grant_type', 'resource', 'scope', 'client_id', 'single_use', 'client_assertion', 'subject_token'],
    ...[
      'subject_token_type',
      'requested_token_type',
      'actor_token',
      'client_assertion_type',
      'client_secret',
      'x',
    ],
  ])('as %s of an exchange', async (field) => {
    const make = (text: string) => form('/t/a/token', { ...exchange(), [field]: text }, 'agent token')
    expect(await answersTo('authority', make)).toEqual([])
  })

  test.each(['audience', 'subject_token', 'requested_token_type'])('as %s with evidence', async (field) => {
    const fields = { ...attestForm(kind('evidence').token, surface.issuer('a')) }
    const make = (text: string) => form('/t/operator/token', { ...fields, [field]: text }, 'evidence')
    expect(await answersTo('authority', make)).toEqual([])
  })

  test.each(['introspect', 'revoke'])('as the token to %s', async (endpoint) => {
    const client = { client_assertion: kind('agent token').token, client_assertion_type: JWT_BEARER }
    const make = (token: string) => form(`/t/a/${endpoint}`, { ...client, token }, 'agent token')
    expect(await answersTo('authority', make)).toEqual([])
  })

  test('as a logout token', async () => {
    const make = (logout_token: string) => form('/t/a/logout/company', { logout_token }, 'ID token')
    expect(await answersTo('authority', make)).toEqual([])
  })

  test.each(['evidence', 'instance'])("as a gateway's %s", async (field) => {
    const fields = { evidence: kind('gateway evidence').token, instance: 'taken' }
    const make = (text: string) => form('/gateway/v1/token', { ...fields, [field]: text }, 'gateway evidence')
    expect(await answersTo('authority', make)).toEqual([])
  })
})

describe('any text in JSON', () => {
  const revocation = { kind: 'session', name: 'ses_nobody', reason: 'x', standing: false }
  const asked = { agent: 'operator/support', user: 'ana@a.example', tool: 'orders/get_order' }
  const folder = (path: string, text: string, value: string) => ({
    files: [{ path, text }],
    variables: { x: value },
  })
  test.each<[string, KindName, string, (text: string) => unknown]>([
    ['a tool of a login', 'warehouse token', '/t/operator/leases', (text) => ({ tools: [text] })],
    [
      'the subject of a fact',
      'facts token',
      '/t/operator/facts',
      (text) => ({ subject: text, says: 'clean' }),
    ],
    [
      'the word of a fact',
      'facts token',
      '/t/operator/facts',
      (text) => ({ subject: 'agent:operator/idle', says: text }),
    ],
    ['the agent to explain', 'admin token', '/admin/v1/t/a/explain', (text) => ({ ...asked, agent: text })],
    ['the user to explain', 'admin token', '/admin/v1/t/a/explain', (text) => ({ ...asked, user: text })],
    ['the tool to explain', 'admin token', '/admin/v1/t/a/explain', (text) => ({ ...asked, tool: text })],
    [
      'the input to explain',
      'admin token',
      '/admin/v1/t/a/explain',
      (text) => ({ ...asked, input: { customer_id: text } }),
    ],
    [
      'the address to explain',
      'admin token',
      '/admin/v1/t/a/explain',
      (text) => ({ ...asked, address: text }),
    ],
    [
      'a name to revoke',
      'admin token',
      '/admin/v1/t/b/revocations',
      (text) => ({ ...revocation, kind: 'agent', name: text }),
    ],
    ['a path of a configuration', 'admin token', '/admin/v1/check', (text) => folder(text, 'tenant: x', '')],
    ['a text of a configuration', 'admin token', '/admin/v1/check', (text) => folder('x.yaml', text, '')],
    [
      'a policy of a configuration',
      'admin token',
      '/admin/v1/check',
      (text) => folder('a/policies/x.cedar', text, ''),
    ],
    [
      "a variable's value",
      'admin token',
      '/admin/v1/check',
      (text) => folder('x.yaml', `tenant: x\ndisplay: ${VARIABLE}`, text),
    ],
    ['a recorder', 'gateway token', '/gateway/v1/journal', (text) => ({ recorder: text, records: [] })],
  ])('as %s', async (_name, token, path, body) => {
    expect(await answersTo('authority', (text) => json(token, path, body(text)))).toEqual([])
  })

  test.each<[string, (text: string) => ReturnType<typeof callOf>]>([
    ['the method of a message', (text) => ({ json: { ...LISTING, method: text }, headers: MCP_HEADERS })],
    ['the id of a message', (text) => ({ json: { ...LISTING, id: text }, headers: MCP_HEADERS })],
    ['the name of a tool', (text) => named(callOf('x', {}), text)],
    ['an argument', (text) => callOf('get_order', { customer_id: text, order_id: 'o-1' })],
    ["an argument's name", (text) => callOf('get_order', { customer_id: 'c-77', [text]: 'x' })],
  ])('as %s', async (_name, make) => {
    const asking = (text: string) => {
      const { json: body, headers } = make(text)
      return json('orders token', '/t/a/mcp/orders', body, headers)
    }
    expect(await answersTo('gateway', asking)).toEqual([])
  })
})

const VARIABLE = ['$', '{x}'].join('')

/** A tool's name is repeated in a header, encoded where a header can't hold it. */
function named(call: ReturnType<typeof callOf>, name: string): ReturnType<typeof callOf> {
  const body = call.json as { readonly params: object }
  const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`
  return {
    json: { ...body, params: { ...body.params, name } },
    headers: { ...call.headers, 'mcp-name': encoded },
  }
}

describe('any text in a path or a query', () => {
  const one = (text: string) => encodeURIComponent(text)
  test.each<[string, Door, (text: string) => Knock]>([
    ['a tenant', 'authority', (text) => ({ method: 'GET', path: `/t/${text}/jwks.json` })],
    [
      'a tenant with metadata',
      'gateway',
      (text) => ({ method: 'GET', path: `/.well-known/oauth-protected-resource/t/${text}/mcp/orders` }),
    ],
    ['a resource', 'gateway', (text) => ({ method: 'GET', path: `/t/a/mcp/${text}` })],
    [
      'an identity provider',
      'authority',
      (text) => form(`/t/a/logout/${text}`, { logout_token: 'x' }, 'ID token'),
    ],
    ['a kind of document', 'authority', (text) => read(`/admin/v1/t/a/${text}`)],
    ['a document', 'authority', (text) => read(`/admin/v1/t/a/user/${text}`)],
    ['a decision', 'authority', (text) => read(`/admin/v1/t/a/audit/${text}`)],
    [
      'a link',
      'authority',
      (text) => ({ ...read(`/admin/v1/t/a/revocations/${text}?reason=x`), method: 'DELETE' }),
    ],
    ['an agent of the audit', 'authority', (text) => read(`/admin/v1/t/a/audit?agent=${text}`)],
    ['a user of the audit', 'authority', (text) => read(`/admin/v1/t/a/audit?user=${text}`)],
    ['a time of the audit', 'authority', (text) => read(`/admin/v1/t/a/audit?from=${text}`)],
    ['a limit of the audit', 'authority', (text) => read(`/admin/v1/t/a/audit?limit=${text}`)],
    ['a query that is not there', 'authority', (text) => read(`/admin/v1/tenants?x=${text}`)],
  ])('as %s', async (_name, door, make) => {
    expect(await answersTo(door, (text) => make(one(text)))).toEqual([])
  })

  test('as the name of a document that is written, and the tenant stands', async () => {
    const make = (text: string): Knock => ({
      ...json('admin token', `/admin/v1/t/b/user/${one(text)}`, { user: text, idp: 'company', sub: text }),
      method: 'PUT',
    })
    expect(await answersTo('authority', make)).toEqual([])
    const { tenants } = await surface.admin.tenants()
    expect(tenants.map(({ state }) => state)).toEqual(['active', 'active', 'active'])
  }, 60_000)
})

describe('any text in a header field', () => {
  // What no HTTP client can send in a field, no server gets.
  const sendable = (text: string) =>
    Buffer.from(text.replaceAll(/[\r\n\0]/g, ' '))
      .toString('latin1')
      .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
  test.each([
    'authorization',
    'dpop',
    'mcp-protocol-version',
    'mcp-method',
    'mcp-name',
    'origin',
    'x-forwarded-for',
    'host',
  ])('as %s at the gateway', async (field) => {
    const make = (text: string) =>
      json('orders token', '/t/a/mcp/orders', LISTING, { ...MCP_HEADERS, [field]: sendable(text) })
    expect((await answersTo('gateway', make)).filter((each) => !HTTP_OWN.test(each))).toEqual([])
  })

  test.each(['authorization', 'if-match', 'dpop', 'x-forwarded-host'])(
    'as %s at the authority',
    async (field) => {
      const make = (text: string): Knock => ({
        ...json('admin token', '/admin/v1/t/a/user/nobody', { user: 'nobody' }, { [field]: sendable(text) }),
        method: 'PUT',
      })
      expect((await answersTo('authority', make)).filter((each) => !HTTP_OWN.test(each))).toEqual([])
    },
  )
})

/** What is no HTTP at all is answered by 400 without a body, before there is a route or a header to set. */
const HTTP_OWN = /: may be sniffed$/

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
