import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ATTESTORS } from '../../src/attestors/registry.ts'
import { type Surface, startSurface } from '../support/authority.ts'
import { accessForm, encode, FORM, headerIn, JWT_BEARER, TYPE } from '../support/caller.ts'
import { goodTokens, type Kind, type KindName } from '../support/kinds.ts'
import { type Knocked, knock, reasonOf } from '../support/knock.ts'
import { LISTING, MCP_HEADERS, type Place, placesOf, show } from '../support/places.ts'
import { type TokenKind, tokenKindsOf, type Workloads, workloadsOf } from '../support/token-kinds.ts'
import { documentedReasons, sourceTexts } from './reason-codes.ts'

let surface: Surface
let workloads: Workloads
let kinds: ReadonlyMap<KindName, Kind>
let all: readonly TokenKind[]
let spots: readonly Spot[]
beforeAll(async () => {
  surface = await startSurface()
  workloads = workloadsOf(surface.issuer('operator'))
  await surface.apply({}, workloads.files)
  kinds = await goodTokens(surface)
  all = await tokenKindsOf(surface, kinds, workloads)
  spots = [...(await placesOf(surface, kinds)).filter(isOneOfItsGuard).map(spotOf), ...ownSpots()]
})
afterAll(() => surface?.close())

const kind = (name: KindName): Kind => kinds.get(name) as Kind
const documented = new Set(documentedReasons().map(({ code }) => code))

/** A place that takes tokens, and how it says yes and no. */
type Spot = {
  readonly name: string
  /** The field of a form, where it is one. */
  readonly field?: string
  readonly takes: readonly string[]
  readonly show: (shown: TokenKind) => Promise<Knocked>
  readonly isTaken: (answer: Knocked) => boolean
  readonly isRefused: (answer: Knocked) => boolean
}

/** Never yes, never that we broke, and always why by a documented code. */
function isRefusal(answer: Knocked): boolean {
  const reason = reasonOf(answer)
  return [400, 401, 403].includes(answer.status) && reason !== undefined && documented.has(reason)
}

/** The administrators' routes share one guard, at two doors. */
const isOneOfItsGuard = ({ how, route }: Place) => how !== 'bearer' || route === 'GET /admin/v1/tenants'

/** Beside what the demo has: the workloads that are attested otherwise, and administrators who sign in at the company. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  evidence: ['SVID', 'client assertion'],
  'admin token': ["administrator's ID token"],
}

function spotOf(place: Place): Spot {
  const [method = ''] = place.route.split(' ')
  const url = (place.door === 'gateway' ? surface.gatewayOrigin : surface.origin) + place.path
  return {
    name: place.name,
    ...(typeof place.how === 'object' ? { field: place.how.field } : {}),
    takes: place.takes.flatMap((name) => [name, ...(ALSO[name] ?? [])]),
    show: async ({ token, caller }) => show(surface, place, await token({ method, url }), caller),
    isTaken: ({ status }) => status === place.status,
    isRefused: isRefusal,
  }
}

function ownSpots(): readonly Spot[] {
  return [homeClient(), itsOwnGrant(), onward(), introspected(), renewed(), ...proofs(), presented()]
}

type FormSpot = Pick<Spot, 'name' | 'field' | 'takes'> & {
  readonly path: string
  readonly form: (token: string) => Readonly<Record<string, string>>
  readonly prover?: Kind['caller']
}

/** A form with a proof; who is known and who is not is told by the status alone. */
function formSpot({ path, form, prover, ...spot }: FormSpot): Spot {
  const url = surface.origin + path
  return {
    ...spot,
    show: async ({ token, caller }) => {
      const shown = await token({ method: 'POST', url })
      const headers = { 'content-type': FORM, dpop: (prover ?? caller).prove('POST', url) }
      return knock(surface, 'authority', { method: 'POST', path, headers, body: encode(form(shown)) })
    },
    isTaken: ({ status }) => status === 200,
    isRefused: isRefusal,
  }
}

/** At its home a workload may also be its own client, by the evidence itself. */
function homeClient(): Spot {
  return formSpot({
    name: 'a client at its home',
    field: 'client_assertion',
    takes: ['agent token for its home', 'evidence', 'SVID', 'client assertion'],
    path: '/t/operator/introspect',
    form: (token) => ({ client_assertion: token, client_assertion_type: JWT_BEARER, token: 'x' }),
  })
}

/** Evidence as the grant itself. Whom it proves there learns that the resource is not there; anybody else, that it proves nobody. */
function itsOwnGrant(): Spot {
  const spot = formSpot({
    name: 'a grant by evidence',
    field: 'assertion',
    takes: ['evidence', 'SVID', 'client assertion'],
    path: '/t/operator/token',
    form: (token) => ({ grant_type: JWT_BEARER_GRANT, assertion: token, resource: 'https://x.example/none' }),
  })
  const known = (answer: Knocked) => reasonOf(answer) === 'target.unknown'
  return { ...spot, isTaken: known, isRefused: (answer) => isRefusal(answer) && !known(answer) }
}

const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Our own token again, to narrow it. */
function onward(): Spot {
  const { token: assertion, caller } = kind('agent token')
  const { subject_token: _subject, ...form } = accessForm(assertion, surface.uri('a', 'orders'), 'x')
  return formSpot({
    name: 'a token that goes onward',
    field: 'subject_token',
    takes: ['orders token'],
    path: '/t/a/token',
    form: (token) => ({ ...form, subject_token: token, subject_token_type: `${TYPE}access_token` }),
    prover: caller,
  })
}

/** What renews a session is no JWT at all: whatever is one is refused here, for a client that is known. */
function renewed(): Spot {
  return formSpot({
    name: 'a token that renews a session',
    field: 'refresh_token',
    takes: [],
    path: '/t/operator/token',
    form: (token) => ({ grant_type: 'refresh_token', client_id: 'desk', refresh_token: token }),
  })
}

/** Any text may be asked about, and only one kind is ever active. */
function introspected(): Spot {
  const { token: assertion, caller } = kind('agent token')
  const spot = formSpot({
    name: 'a token that is asked about',
    field: 'token',
    takes: ['orders token', 'authzen token'],
    path: '/t/a/introspect',
    form: (token) => ({ client_assertion: assertion, client_assertion_type: JWT_BEARER, token }),
    prover: caller,
  })
  return {
    ...spot,
    isTaken: ({ status, json }) => status === 200 && json['active'] === true,
    isRefused: ({ status, text }) => status === 200 && text === '{"active":false}',
  }
}

/** The `DPoP` field beside a client assertion, and beside a bound token. */
function proofs(): readonly Spot[] {
  const { token: assertion } = kind('agent token')
  const orders = kind('orders token').token
  const at = { method: 'POST', accessToken: orders }
  const client = `${surface.origin}/t/a/token`
  const mcp = surface.uri('a', 'orders')
  const taken = {
    takes: ['DPoP proof'],
    isTaken: ({ status }: Knocked) => status === 200,
    isRefused: isRefusal,
  }
  return [
    {
      ...taken,
      name: 'the proof of a client',
      show: async ({ token }) => {
        const headers = { 'content-type': FORM, dpop: await token({ method: 'POST', url: client }) }
        const body = encode(accessForm(assertion, surface.uri('a', 'catalogue')))
        return knock(surface, 'authority', { method: 'POST', path: '/t/a/token', headers, body })
      },
    },
    {
      ...taken,
      name: 'the proof beside a token',
      show: async ({ token }) => {
        const shown = { authorization: `DPoP ${orders}`, dpop: await token({ ...at, url: mcp }) }
        const headers = { ...shown, ...MCP_HEADERS, 'content-type': 'application/json' }
        const body = JSON.stringify(LISTING)
        return knock(surface, 'gateway', { method: 'POST', path: '/t/a/mcp/orders', headers, body })
      },
    },
  ]
}

/** What a gateway forwards of its caller, to be judged again. */
function presented(): Spot {
  const edge = kind('gateway token')
  const path = '/gateway/v1/credentials'
  const target = { method: 'POST', url: surface.uri('a', 'orders') }
  return {
    name: "a caller's token that a gateway forwards",
    takes: ['orders token'],
    show: async ({ token, caller }) => {
      const shown = await token(target)
      const proof = caller.prove('POST', target.url, shown)
      const ask = {
        tenant: 'a',
        resource: 'orders',
        decision: 'dec_surface',
        tool: 'find_order',
        input: { order_id: 'o-1' },
      }
      const body = JSON.stringify({
        ...ask,
        presented: { authorization: `DPoP ${shown}`, dpop: proof, ...target },
      })
      const own = edge.caller.prove('POST', surface.origin + path, edge.token)
      const headers = { authorization: `DPoP ${edge.token}`, dpop: own, 'content-type': 'application/json' }
      return knock(surface, 'authority', { method: 'POST', path, headers, body })
    },
    isTaken: ({ status, json }) => status === 200 && json['ok'] === true,
    isRefused: ({ status, json }) => status === 200 && json['ok'] === false,
  }
}

describe('the lists of what there is', () => {
  test('hold every type of token that the sources sign or read', async () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
    const typed = [...sourceTexts().values()].flatMap((text) => [...text.matchAll(/'([a-z-]+\+jwt)'/g)])
    const tokens = await Promise.all(all.map(({ token }) => token({ method: 'GET', url: 'x' })))
    const shown = tokens.filter((token) => token.startsWith('ey')).map((token) => headerIn(token)['typ'])
    expect([...new Set(typed.map((match) => match[1]))].filter((type) => !shown.includes(type))).toEqual([])
  })

  test('hold evidence for every attestor', () => {
    const names = all.flatMap(({ attestor }) => (attestor === undefined ? [] : [attestor]))
    // A client that people sign in through shows no evidence.
    const evidenced = [...ATTESTORS.keys()].filter((name) => name !== 'oauth-client')
    expect(names.sort()).toEqual(evidenced.sort())
  })

  test('hold a place for every field of a form that the sources read a token from', () => {
    const read = [...sourceTexts().values()].flatMap((text) => [
      ...text.matchAll(/(?:form\.get\(|value\(form, )'(\w*(?:token|assertion|evidence))'/g),
    ])
    const fields = new Set(read.map((match) => match[1]))
    expect(fields.size).toBeGreaterThan(4)
    const shown = spots.map(({ field }) => field)
    expect([...fields].filter((field) => !shown.includes(field))).toEqual([])
  })
})

describe('each kind of token at each place that takes one', () => {
  test('is taken where it belongs, and nowhere else', async () => {
    const before = await surface.revision()
    const wrong: string[] = []
    for (const spot of spots) {
      for (const shown of all) {
        const answer = await spot.show(shown)
        const right = spot.takes.includes(shown.name) ? spot.isTaken(answer) : spot.isRefused(answer)
        if (!right) wrong.push(`${spot.name} × ${shown.name}: ${answer.status} ${answer.text.slice(0, 200)}`)
      }
    }
    expect(wrong).toEqual([])
    expect(spots.length * all.length).toBeGreaterThan(400)
    expect((await surface.revision()) - before).toBeLessThan(10)
  })

  test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
})
