import { ASKING_PLACES } from './asking-places.ts'
import type { Surface } from './authority.ts'
import { accessForm, attestForm, type Caller, encode, FORM, type Form, JWT_BEARER, TYPE } from './caller.ts'
import type { Kind, KindName } from './kinds.ts'
import { type Door, type Knock, type Knocked, knock } from './knock.ts'

/** How a place is shown a token: in a header with a proof, as a bearer, or in a field of a form with a proof. */
type How = 'dpop' | 'bearer' | { readonly field: string }

/** A place that takes a token: one line for each way into a route of the tables. */
export type Place = {
  /** `METHOD path`, as the route tables have it. */
  readonly route: string
  readonly name: string
  readonly door: Door
  readonly how: How
  readonly takes: readonly KindName[]
  /** What the answer to a good token is. */
  readonly status: number
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: Form
  readonly stream?: boolean
  /** Whose proof it is when the token in the field isn't the one that a key is bound to. */
  readonly by?: Caller
}

/** A request to a place with this token, or with none; the proof is right for whatever is shown. */
export function show(
  surface: Surface,
  place: Place,
  token: string | undefined,
  caller: Caller,
): Promise<Knocked> {
  const [method = ''] = place.route.split(' ')
  const origin = place.door === 'gateway' ? surface.gatewayOrigin : surface.origin
  const url = origin + (place.path.split('?')[0] ?? '')
  const prover = caller.keyless ? caller : (place.by ?? caller)
  const asked: Knock = { method, path: place.path, ...(place.stream ? { stream: true } : {}) }
  if (typeof place.how === 'object') {
    const form: Form = { ...place.form, ...(token === undefined ? {} : { [place.how.field]: token }) }
    const headers = { 'content-type': FORM, ...proofOf(prover, 'POST', url) }
    return knock(surface, place.door, { ...asked, headers, body: encode(form) })
  }
  const shown =
    token === undefined ? {} : { authorization: `${place.how === 'dpop' ? 'DPoP' : 'Bearer'} ${token}` }
  const proof = place.how === 'dpop' ? proofOf(prover, method, url, token) : {}
  const headers = { ...shown, ...proof, ...place.headers, ...typeOf(place) }
  return knock(surface, place.door, { ...asked, headers, ...bodyOf(place) })
}

/** No header where there is no proof: a caller without a key brings none. */
function proofOf(prover: Caller, method: string, url: string, token?: string): Record<string, string> {
  const proof: string | undefined = prover.prove(method, url, token)
  return proof === undefined ? {} : { dpop: proof }
}

function typeOf({ json, form }: Place): Record<string, string> {
  if (form) return { 'content-type': FORM }
  return json === undefined ? {} : { 'content-type': 'application/json' }
}

function bodyOf({ json, form }: Place): { readonly body?: string } {
  if (form) return { body: encode(form) }
  return json === undefined ? {} : { body: JSON.stringify(json) }
}

export const LISTING = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/list',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'surface', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
}
export const MCP_HEADERS = {
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/list',
}

/** One call of a tool (MCP 2026-07-28), with the header fields that repeat what it says. */
export function callOf(
  tool: string,
  input: unknown,
): { readonly json: object; readonly headers: Record<string, string> } {
  const { params } = LISTING
  return {
    json: { ...LISTING, method: 'tools/call', params: { ...params, name: tool, arguments: input } },
    headers: { ...MCP_HEADERS, 'mcp-method': 'tools/call', 'mcp-name': tool },
  }
}

/** Every guarded route of an authority and a gateway, with a request that is right but for the token. */
export async function placesOf(surface: Surface, kinds: Kinds): Promise<readonly Place[]> {
  const admin = adminPlaces(await aDecision(surface))
  return [
    ...tokenPlaces(surface, kinds),
    ...askerPlaces(),
    ...resourcePlaces(),
    ...ASKING_PLACES,
    ...gatewayPlaces(kinds),
    ...admin,
    ...admin.map((place) => ({ ...place, door: 'socket' as const, name: `${place.name} (socket)` })),
  ]
}

type Kinds = ReadonlyMap<KindName, Kind>
const AS_CLIENT = { how: { field: 'client_assertion' }, takes: ['agent token'] } as const

function tokenPlaces(surface: Surface, kinds: Kinds): readonly Place[] {
  const token = { route: 'POST /t/:tenant/token', door: 'authority', status: 200 } as const
  const atA = { ...token, path: '/t/a/token' }
  const alone = accessForm('', surface.uri('a', 'catalogue'))
  return [
    {
      ...token,
      name: 'evidence for an agent token',
      path: '/t/operator/token',
      how: { field: 'subject_token' },
      takes: ['evidence'],
      form: without(attestForm('', surface.issuer('a')), 'subject_token'),
    },
    { ...atA, ...AS_CLIENT, name: 'client credentials', form: without(alone, 'client_assertion') },
    ...exchangePlaces(surface, kinds),
  ]
}

function exchangePlaces(surface: Surface, kinds: Kinds): readonly Place[] {
  const agentToken = kinds.get('agent token')
  if (!agentToken) throw new Error('there is no agent token')
  const by = { by: agentToken.caller }
  const whole = accessForm(agentToken.token, surface.uri('a', 'orders'), kinds.get('ID token')?.token ?? '')
  const place = {
    route: 'POST /t/:tenant/token',
    door: 'authority',
    status: 200,
    path: '/t/a/token',
  } as const
  return [
    { ...place, ...AS_CLIENT, name: 'the client of an exchange', form: without(whole, 'client_assertion') },
    {
      ...place,
      ...by,
      name: 'the subject of an exchange',
      how: { field: 'subject_token' },
      takes: ['ID token'],
      form: without(whole, 'subject_token'),
    },
    {
      ...place,
      ...by,
      name: 'the actor of an exchange',
      how: { field: 'actor_token' },
      takes: ['agent token'],
      form: { ...whole, actor_token_type: `${TYPE}jwt` },
    },
  ]
}

function without(form: Form, name: string): Form {
  return Object.fromEntries(Object.entries(form).filter(([each]) => each !== name))
}

/** Where a caller asks about a token, gives one back, or says that somebody signed out. */
function askerPlaces(): readonly Place[] {
  const form = { client_assertion_type: JWT_BEARER, token: 'x' }
  const introspect = { route: 'POST /t/:tenant/introspect', path: '/t/a/introspect' } as const
  const revoke = { route: 'POST /t/:tenant/revoke', path: '/t/a/revoke' } as const
  const at = { door: 'authority', status: 200 } as const
  const byGateway = { how: 'dpop', takes: ['gateway token'], form: { token: 'x' } } as const
  return [
    { ...at, ...introspect, ...AS_CLIENT, name: 'introspection by a client', form },
    { ...at, ...introspect, ...byGateway, name: 'introspection by a gateway' },
    { ...at, ...revoke, ...AS_CLIENT, name: 'revocation by a client', form },
    {
      ...at,
      route: 'POST /t/:tenant/logout/:idp',
      name: 'back-channel logout',
      path: '/t/a/logout/company',
      how: { field: 'logout_token' },
      takes: ['logout token'],
    },
  ]
}

function resourcePlaces(): readonly Place[] {
  const agent = { how: 'dpop' } as const
  const mcp = { ...agent, door: 'gateway', takes: ['orders token'], path: '/t/a/mcp/orders' } as const
  return [
    {
      ...agent,
      route: 'POST /t/:tenant/leases',
      name: 'a database login',
      door: 'authority',
      takes: ['warehouse token'],
      path: '/t/operator/leases',
      json: {},
      status: 201,
    },
    {
      ...agent,
      route: 'POST /t/:tenant/facts',
      name: 'a fact',
      door: 'authority',
      takes: ['facts token'],
      path: '/t/operator/facts',
      json: { subject: 'agent:operator/pipeline', says: 'clean' },
      status: 201,
    },
    {
      ...mcp,
      route: 'POST /t/:tenant/mcp/:resource',
      name: 'a message to an MCP server',
      json: LISTING,
      headers: MCP_HEADERS,
      status: 200,
    },
    { ...mcp, route: 'GET /t/:tenant/mcp/:resource', name: 'a stream of an MCP server', status: 405 },
    { ...mcp, route: 'DELETE /t/:tenant/mcp/:resource', name: 'the end of an MCP session', status: 400 },
  ]
}

function gatewayPlaces(kinds: Kinds): readonly Place[] {
  const api = { door: 'authority', how: 'dpop', takes: ['gateway token'] } as const
  const presented = { authorization: `DPoP ${kinds.get('orders token')?.token}`, method: 'POST', url: 'x' }
  const ask = { tenant: 'a', resource: 'orders', tool: 'get_order', decision: 'dec_surface', presented }
  const path = (name: string) => ({ path: `/gateway/v1/${name}` })
  const records = [{ n: 1, prev: 'x'.repeat(43), hash: 'x'.repeat(43), body: {} }]
  return [
    {
      route: 'POST /gateway/v1/token',
      name: 'evidence for a gateway token',
      door: 'authority',
      how: { field: 'evidence' },
      takes: ['gateway evidence'],
      form: { instance: 'taken' },
      ...path('token'),
      status: 200,
    },
    { ...api, route: 'GET /gateway/v1/feed', name: 'the feed', ...path('feed'), stream: true, status: 200 },
    {
      ...api,
      route: 'POST /gateway/v1/ack',
      name: 'an acknowledgement',
      ...path('ack'),
      json: { revision: 1 },
      status: 204,
    },
    {
      ...api,
      route: 'POST /gateway/v1/engines',
      name: 'what the engines said',
      ...path('engines'),
      json: { counts: { again: 0, differed: 0, dropped: 0 }, doubts: [] },
      status: 204,
    },
    {
      ...api,
      route: 'POST /gateway/v1/definitions',
      name: 'what was seen of tools',
      ...path('definitions'),
      json: { tenant: 'a', resource: 'orders', seen: [{ tool: 'nothing', definition: { name: 'nothing' } }] },
      status: 200,
    },
    {
      ...api,
      route: 'GET /gateway/v1/journal',
      name: 'the next record wanted',
      path: '/gateway/v1/journal?recorder=rec_surface',
      status: 200,
    },
    {
      ...api,
      route: 'POST /gateway/v1/journal',
      name: 'records',
      ...path('journal'),
      json: { recorder: 'rec_surface', records },
      status: 409,
    },
    {
      ...api,
      route: 'POST /gateway/v1/credentials',
      name: 'a credential',
      ...path('credentials'),
      json: ask,
      status: 200,
    },
    { ...api, route: 'POST /gateway/v1/spend', name: 'a spend', ...path('spend'), json: ask, status: 200 },
  ]
}

/** Some decision of the log, so that reading it finds something. */
async function aDecision(surface: Surface): Promise<string> {
  const { events } = await surface.admin.audit('a', { limit: '50' })
  return events.find(({ decision }) => decision !== undefined)?.decision ?? 'dec_none'
}

function adminPlaces(decision: string): readonly Place[] {
  const folder = { files: [{ path: 'x.yaml', text: 'tenant: x\n' }], variables: {} }
  const refusedFolder = { files: [{ path: 'x.yaml', text: 'tenant: [' }], variables: {} }
  const revocation = { kind: 'session', name: 'ses_nobody', reason: 'surface', standing: false }
  const lines: readonly (readonly [string, string, number, unknown?])[] = [
    ['POST /admin/v1/check', '/admin/v1/check', 422, refusedFolder],
    ['POST /admin/v1/plan', '/admin/v1/plan', 200, folder],
    ['POST /admin/v1/apply', '/admin/v1/apply', 422, refusedFolder],
    ['GET /admin/v1/tenants', '/admin/v1/tenants', 200],
    ['GET /admin/v1/t/:tenant/:kind', '/admin/v1/t/a/user', 200],
    ['GET /admin/v1/t/:tenant/:kind/:name', '/admin/v1/t/a/user/ana@a.example', 200],
    ['PUT /admin/v1/t/:tenant/:kind/:name', '/admin/v1/t/a/user/ana@a.example', 422, { nothing: true }],
    ['DELETE /admin/v1/t/:tenant/:kind/:name', '/admin/v1/t/a/user/nobody@a.example', 404],
    ['GET /admin/v1/t/:tenant/revocations', '/admin/v1/t/a/revocations', 200],
    ['POST /admin/v1/t/:tenant/revocations', '/admin/v1/t/a/revocations', 200, revocation],
    [
      'DELETE /admin/v1/t/:tenant/revocations/:link',
      '/admin/v1/t/a/revocations/session:ses_other?reason=surface',
      409,
    ],
    ['GET /admin/v1/t/:tenant/quarantine', '/admin/v1/t/a/quarantine', 200],
    [
      'DELETE /admin/v1/t/:tenant/quarantine/:policy',
      '/admin/v1/t/a/quarantine/own-orders?reason=surface',
      404,
    ],
    ['GET /admin/v1/t/:tenant/definitions', '/admin/v1/t/a/definitions', 200],
    ['GET /admin/v1/t/:tenant/definitions/:resource/:tool', '/admin/v1/t/a/definitions/orders/nothing', 404],
    [
      'POST /admin/v1/t/:tenant/definitions/:resource/:tool',
      '/admin/v1/t/a/definitions/orders/nothing',
      404,
      { sha256: 'x'.repeat(43), reason: 'surface' },
    ],
    ['GET /admin/v1/t/:tenant/audit', '/admin/v1/t/a/audit', 200],
    ['GET /admin/v1/t/:tenant/audit/:decision', `/admin/v1/t/a/audit/${decision}`, 200],
    ['GET /admin/v1/t/:tenant/export', '/admin/v1/t/a/export', 200],
    ['GET /admin/v1/t/:tenant/checkpoint', '/admin/v1/t/a/checkpoint', 200],
    ['GET /admin/v1/t/:tenant/log-key', '/admin/v1/t/a/log-key', 200],
    [
      'POST /admin/v1/t/:tenant/explain',
      '/admin/v1/t/a/explain',
      200,
      { agent: 'operator/support', tool: 'catalogue/list_products' },
    ],
    ['GET /admin/v1/gateways', '/admin/v1/gateways', 200],
    ['GET /admin/v1/engines', '/admin/v1/engines', 200],
    ['GET /admin/v1/roots', '/admin/v1/roots', 200],
    ['GET /admin/v1/openapi.json', '/admin/v1/openapi.json', 200],
  ]
  return lines.map(([route, path, status, json]) => ({
    route,
    name: route,
    door: 'authority',
    how: 'bearer',
    takes: ['admin token'],
    path,
    status,
    ...(json === undefined ? {} : { json }),
  }))
}
