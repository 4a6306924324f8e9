import type { Route } from '../../src/lib/http/route.ts'
import type { BodySchema, DocumentSchemas, Path } from './admin-schemas.ts'
import { WHOLE_QUESTIONS } from './asking-places.ts'
import { type Surface, TENANTS } from './authority.ts'
import { encode, FORM, type Form } from './caller.ts'
import type { Kind, KindName } from './kinds.ts'
import type { Door, Knock } from './knock.ts'
import { type Asking, answersTo, STRINGS } from './naughty-strings.ts'
import { callOf, type Place } from './places.ts'

/** One place in a request where somebody else writes a text. */
export type TextField = {
  /** `METHOD path`, as the route tables have it. */
  readonly route: string
  readonly door: Door
  readonly name: string
  readonly ask: Asking
  /** One of very many that are read by the same schema: each is sent some of the texts, and all of them together all. */
  readonly oneOfMany?: true
}

/** Every text field of every route of a door's table: of the public ones their paths, of the others all that a good request has. */
export function allTextFields(
  surface: Surface,
  kinds: Kinds,
  places: readonly Place[],
  schemas: ReadonlyMap<string, BodySchema>,
): readonly TextField[] {
  const tables = [
    ...surface.authority.routes.address.map((route) => ['authority', route] as const),
    ...surface.gateway.routes.address.map((route) => ['gateway', route] as const),
  ]
  const open = tables.filter(([, { guard }]) => guard === 'public')
  const found = [
    ...open.flatMap(([door, route]) => publicFields(door, route)),
    ...places.flatMap((place) => textFieldsOf(surface, kinds, place, schemas.get(place.route))),
  ]
  // Several places may lead into one route: a field that they share is the same field. The first place stands for it.
  const once = new Map(found.reverse().map((field) => [`${field.route} ${field.name}`, field]))
  return [...once.values()].reverse()
}

const AUTHORIZATION = {
  ...{ client_id: 'x', redirect_uri: 'https://x.example/y', response_type: 'code', response_mode: 'query' },
  ...{ code_challenge: 'x', code_challenge_method: 'S256', resource: 'https://x.example/y', scope: 'x' },
  ...{ state: 'x', dpop_jkt: 'x', prompt: 'login', request: 'x', request_uri: 'x' },
}

function publicFields(door: Door, { method, path: pattern }: Route): readonly TextField[] {
  const route = `${method} ${pattern}`
  const path = pattern.replace(':tenant', 'a').replace(':resource', 'orders')
  const own = pathFields({ route, path }).map(({ name, put }) => ({
    route,
    door,
    name,
    ask: (text: string) => ({ method, path: put(text) }),
  }))
  return [...own, ...openFields(door, method, path, route)]
}

/** What browsers and clients that prove nothing write: in the query of a link, in a form, in a registration. */
const OPEN: Readonly<Record<string, { readonly form: Form } | { readonly json: object }>> = {
  'GET /t/:tenant/authorize': { form: AUTHORIZATION },
  'GET /t/:tenant/sign-in': { form: { state: 'x', code: 'x', iss: 'x', error: 'x' } },
  'POST /t/:tenant/consent': { form: { ticket: 'x', answer: 'allow' } },
  'POST /t/:tenant/connect': { form: { ticket: 'x', answer: 'allow' } },
  'POST /t/:tenant/connections': { form: { ticket: 'x', resource: 'x' } },
  'GET /t/:tenant/connected': { form: { state: 'x', code: 'x', iss: 'x', error: 'x' } },
  'POST /t/:tenant/par': { form: AUTHORIZATION },
  'POST /t/:tenant/register': {
    json: { client_name: 'x', redirect_uris: ['https://x.example/y'], token_endpoint_auth_method: 'none' },
  },
}

function openFields(door: Door, method: string, path: string, route: string): readonly TextField[] {
  const sent = OPEN[route]
  if (sent === undefined) return []
  if ('json' in sent) {
    const headers = { 'content-type': 'application/json' }
    return leavesOf(sent.json).map((steps) => ({
      route,
      door,
      name: steps.join('.'),
      ask: (text) => ({ method, path, headers, body: JSON.stringify(put(sent.json, steps, text)) }),
    }))
  }
  return Object.keys(sent.form).map((name) => ({
    route,
    door,
    name: method === 'GET' ? `?${name}` : name,
    ask: (text) => openForm(method, path, { ...sent.form, [name]: text }),
  }))
}

function openForm(method: string, path: string, form: Form): Knock {
  const body = encode(form)
  if (method === 'GET') return { method, path: `${path}?${body}` }
  return { method, path, headers: { 'content-type': FORM }, body }
}

/** A good request that is taken apart again for each text. */
type Parts = {
  readonly path: string
  readonly json?: unknown
  readonly form?: Form
  readonly headers?: Readonly<Record<string, string>>
}

type Kinds = ReadonlyMap<KindName, Kind>

/** Every text field of a place: of its path, its query, its form, its JSON, and the header fields that it reads. */
function textFieldsOf(
  surface: Surface,
  kinds: Kinds,
  place: Place,
  schema?: BodySchema,
): readonly TextField[] {
  const whole = wholeOf(place)
  const ask = askerOf(surface, kinds, whole)
  const at = (name: string, parts: (text: string) => Partial<Parts>): TextField => ({
    route: place.route,
    door: place.door,
    name,
    ask: (text) => ask(parts(text)),
  })
  return [
    ...pathFields(whole).map(({ name, put }) => at(name, (text) => ({ path: put(text) }))),
    ...queryFields(whole, schema).map((name) =>
      at(`?${name}`, (text) => ({ path: withQuery(whole.path, name, text) })),
    ),
    ...formFields(whole).map((name) => at(name, (text) => ({ form: { ...formOf(whole), [name]: text } }))),
    ...shownFields(whole).map((name) =>
      at(`${name} of ${place.name}`, (text) => ({ form: { ...formOf(whole), [name]: text } })),
    ),
    ...jsonFields(whole, schema).map((path) =>
      at(path.join('.'), (text) => ({ json: put(whole.json, path, text) })),
    ),
    ...headerFields(whole).map((name) => at(`${name}:`, (text) => ({ headers: { [name]: sendable(text) } }))),
  ]
}

/** Every text of every kind of declared document, in one that is there: the bodies of one route. */
export async function documentFields(
  surface: Surface,
  schemas: DocumentSchemas,
): Promise<readonly TextField[]> {
  const authorization = `Bearer ${surface.adminToken}`
  const headers = { authorization, 'content-type': 'application/json' }
  const route = 'PUT /admin/v1/t/:tenant/:kind/:name'
  const fields = await Promise.all(
    [...schemas].map(async ([kind, strings]) => {
      const found = await firstDocument(surface, kind)
      if (!found) return []
      const path = `/admin/v1/t/${found.tenant}/${kind}/${encodeURIComponent(found.name)}`
      return strings.map((steps): TextField => {
        const ask = (text: string): Knock => ({
          method: 'PUT',
          path,
          headers,
          body: JSON.stringify(put(found.doc, steps, text)),
        })
        return { route, door: 'authority', name: `${kind}: ${steps.join('.')}`, ask, oneOfMany: true }
      })
    }),
  )
  return fields.flat()
}

type Written = { readonly tenant: string; readonly name: string; readonly doc: unknown }

async function firstDocument(surface: Surface, kind: string): Promise<Written | undefined> {
  const headers = { authorization: `Bearer ${surface.adminToken}` }
  const lists = TENANTS.map(async (tenant) => {
    const answer = await fetch(`${surface.origin}/admin/v1/t/${tenant}/${kind}`, { headers })
    return ((await answer.json()) as { readonly documents: readonly Written[] }).documents
  })
  return (await Promise.all(lists)).flat()[0]
}

/** How many fields of many it takes until every text was sent. */
const SHARE = 40

/** Every text in every field, and which answers must not be. */
export async function wrongIn(surface: Surface, fields: readonly TextField[]): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const [at, { route, door, name, ask, oneOfMany }] of fields.entries()) {
    const texts = oneOfMany ? STRINGS.filter((_text, index) => index % SHARE === at % SHARE) : STRINGS
    const found = await answersTo(surface, door, ask, texts)
    wrong.push(...found.map((problem) => `${route} ${name}: ${problem}`))
  }
  return wrong
}

/** What no HTTP client can send in a field, no server gets. */
function sendable(text: string): string {
  return Buffer.from(text.replaceAll(/[\r\n\0]/g, ' '))
    .toString('latin1')
    .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
}

export function askerOf(surface: Surface, kinds: Kinds, place: Place): (parts: Partial<Parts>) => Knock {
  const [method = ''] = place.route.split(' ')
  const { token, caller } = kinds.get(place.takes[0] as KindName) as Kind
  const prover = place.by ?? caller
  const origin = place.door === 'gateway' ? surface.gatewayOrigin : surface.origin
  return ({ path = place.path, json = place.json, form, headers = {} }) => {
    const url = origin + (path.split('?')[0] ?? '')
    if (typeof place.how === 'object') {
      const body = encode(form ?? formOf(place, token))
      return {
        method,
        path,
        headers: { 'content-type': FORM, dpop: prover.prove('POST', url), ...headers },
        body,
      }
    }
    const shown: Record<string, string> =
      place.how === 'bearer'
        ? { authorization: `Bearer ${token}` }
        : { authorization: `DPoP ${token}`, dpop: prover.prove(method, url, token) }
    const body = place.form
      ? encode(form ?? place.form)
      : json === undefined
        ? undefined
        : JSON.stringify(json)
    const type = place.form
      ? { 'content-type': FORM }
      : json === undefined
        ? {}
        : { 'content-type': 'application/json' }
    const all = { ...shown, ...place.headers, ...type, ...headers }
    return {
      method,
      path,
      headers: all,
      ...(body === undefined ? {} : { body }),
      ...(place.stream ? { stream: true } : {}),
    }
  }
}

function formOf({ form = {}, how }: Place, token?: string): Form {
  return token === undefined || typeof how !== 'object' ? form : { ...form, [how.field]: token }
}

/** Each `:name` of the route, by the place that it has in the path. */
function pathFields({ route, path }: Pick<Place, 'route' | 'path'>) {
  const [, pattern = ''] = route.split(' ')
  const [plain = '', query] = path.split('?')
  const segments = plain.split('/')
  return pattern.split('/').flatMap((name, at) => {
    const put = (text: string) =>
      segments.with(at, encodeURIComponent(text.toWellFormed())).join('/') +
      (query === undefined ? '' : `?${query}`)
    return name.startsWith(':') ? [{ name, put }] : []
  })
}

function queryFields({ path }: Place, schema?: BodySchema): readonly string[] {
  const stated = new URLSearchParams(path.split('?')[1] ?? '').keys()
  return [...new Set([...stated, ...(schema?.query ?? [])])]
}

function withQuery(path: string, name: string, text: string): string {
  const [plain = '', query = ''] = path.split('?')
  const found = new URLSearchParams(query)
  found.set(name, text.toWellFormed())
  // A query spells a space as %20 or as +; what is sent here is what a form would send.
  return `${plain}?${found}`
}

function formFields(place: Place): readonly string[] {
  return [...Object.keys(place.form ?? {}), ...(MORE_FORM[place.name] ?? [])]
}

/** Where the token itself stands in the form. */
function shownFields({ how }: Place): readonly string[] {
  return typeof how === 'object' ? [how.field] : []
}

/** Parameters that a good request to the token endpoint may also have; one place stands for all that read the same form. */
const MORE_FORM: Readonly<Record<string, readonly string[]>> = {
  'evidence for an agent token': ['client_id', 'resource', 'x'],
  'the client of an exchange': [
    ...['scope', 'client_id', 'client_secret', 'single_use', 'audience', 'actor_token', 'actor_token_type'],
    ...['requested_token_type', 'token_type_hint'],
  ],
}

/** The header fields that a guard reads. A proof and a token stand in them, and who may be in front of us writes others. */
function headerFields(place: Place): readonly string[] {
  const own = [...Object.keys(place.headers ?? {}), ...(FIELDS[place.name] ?? [])]
  return own.filter((name) => name !== 'accept')
}
const FORWARDED = [
  'authorization',
  'dpop',
  'origin',
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'accept-language',
]
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'a message to an MCP server': FORWARDED,
  'client credentials': FORWARDED,
  'an acknowledgement': ['authorization', 'dpop'],
  'PUT /admin/v1/t/:tenant/:kind/:name': ['authorization', 'if-match', 'x-forwarded-host'],
}

/** Bodies with every member that a route reads, where the request that must succeed leaves some out. */
function wholeOf(place: Place): Place {
  const json = WHOLE[place.route]
  if (json === undefined || place.json === undefined) return place
  return place.door === 'gateway' ? { ...place, ...CALL, json } : { ...place, json }
}

const REVOCATION = { kind: 'session', name: 'ses_nobody', reason: 'surface', standing: false }
const FOLDER = { files: [{ path: 'x.yaml', text: 'tenant: x\n' }], variables: { x: 'y' } }
const FORWARDED_CALL = {
  ...{ tenant: 'a', resource: 'orders', tool: 'get_order', decision: 'dec_surface', address: '127.0.0.1' },
  input: { customer_id: 'c-77', order_id: 'o-1' },
  presented: { authorization: 'DPoP x', dpop: 'x', method: 'POST', url: 'x' },
}
const CALL = callOf('get_order', { customer_id: 'c-77', order_id: 'o-1003' })
const WHOLE: Readonly<Record<string, unknown>> = {
  'POST /t/:tenant/leases': { tools: ['read:orders_daily'] },
  'POST /gateway/v1/credentials': FORWARDED_CALL,
  'POST /gateway/v1/spend': FORWARDED_CALL,
  'POST /gateway/v1/engines': {
    counts: { again: 0, differed: 0, dropped: 0 },
    doubts: [{ tenant: 'nowhere', policies: ['zz-none'], decision: 'dec_surface', says: 'x' }],
  },
  'POST /admin/v1/check': FOLDER,
  'POST /admin/v1/plan': FOLDER,
  // One file is broken whatever the other says: a folder with nothing in it would be applied, and nothing would be left.
  'POST /admin/v1/apply': { ...FOLDER, files: [...FOLDER.files, { path: 'broken.yaml', text: 'tenant: [' }] },
  'POST /admin/v1/t/:tenant/revocations': REVOCATION,
  'POST /t/:tenant/mcp/:resource': { ...CALL.json, id: 'one' },
  ...WHOLE_QUESTIONS,
}

/** What stands in the good request, and what else there may be. */
function jsonFields({ json }: Place, schema?: BodySchema): readonly Path[] {
  const all = [...leavesOf(json), ...(schema?.strings ?? [])]
  return [...new Map(all.map((path) => [path.join('.'), path])).values()]
}

/** Where the texts of a JSON value stand; of a list the first stands for all. */
function leavesOf(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value === 'string') return [at]
  if (Array.isArray(value)) return leavesOf(value[0], [...at, 0])
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inside]) => leavesOf(inside, [...at, name]))
}

/** The value with a text at that place, which is made where it isn't there. */
function put(value: unknown, [step, ...rest]: Path, text: string): unknown {
  if (step === undefined) return text
  if (typeof step === 'number') {
    const list: readonly unknown[] = Array.isArray(value) ? value : []
    return [put(list[0], rest, text), ...list.slice(1)]
  }
  const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  return { ...object, [step]: put((object as Readonly<Record<string, unknown>>)[step], rest, text) }
}
