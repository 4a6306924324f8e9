import { askingNamings } from './asking-places.ts'
import type { Surface } from './authority.ts'
import { accessForm, attestForm, encode, FORM, type Form, JWT_BEARER } from './caller.ts'
import { definitionNamings, seenNamings } from './definition-namings.ts'
import { type Kind, type KindName, logoutToken } from './kinds.ts'
import { type Door, type Knock, knock } from './knock.ts'
import { LISTING, MCP_HEADERS } from './places.ts'
import { signInNamings } from './sign-in-namings.ts'

/** What the tenant matrix stands on: everything running, a good token of each kind, and what is only tenant B's. */
export type Matrix = {
  readonly surface: Surface
  readonly kind: (name: KindName) => Kind
  readonly theirs: Theirs
}

/** Names that mean something in tenant B (or at the operator), and nothing in tenant A. */
export type Theirs = {
  readonly token: string
  readonly decision: string
  readonly session: string
  readonly user: string
}

export async function whatIsOnlyTheirs({ surface, kind }: Pick<Matrix, 'surface' | 'kind'>): Promise<Theirs> {
  const put = async (name: string, doc: object) => {
    const headers = { authorization: `Bearer ${surface.adminToken}`, 'content-type': 'application/json' }
    const path = `/admin/v1/t/b/${name}`
    const { status, text } = await knock(surface, 'authority', {
      method: 'PUT',
      path,
      headers,
      body: JSON.stringify(doc),
    })
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
  }
  await put('idp/only-b', { issuer: 'https://login.b.example' })
  await put('user/only-b', { idp: 'company', sub: 'only-b' })
  await put('delegation/only-b', { agent: 'operator/support', user: 'only-b', tools: ['orders/get_order'] })
  const tools = { search: { hint: 'read', input: { type: 'object' } } }
  await put('resource/only-b', { type: 'mcp', at: `${surface.company.orders}/mcp`, data: 'argument', tools })
  await put('trust/only-b', {
    attestor: 'oauth-client',
    listed: { 'only-b': { name: 'Desk', redirect_uris: ['https://desk.example/callback'] } },
  })
  await put('agent/only-b', { kind: 'workforce', owner: 'bo@b.example', is: { trust: 'only-b' } })
  const { caller } = kind('orders token')
  const token = await caller.token('b', 'orders', { idToken: surface.idToken('b', 'bo') })
  const { events } = await surface.admin.audit('b', { limit: '50' })
  const issued = events.find(({ decision, session }) => decision !== undefined && session !== undefined)
  const users = await surface.admin.audit('b', { limit: '1' })
  if (!issued?.decision || !issued.session || users.treeSize === 0) throw new Error('tenant B did nothing')
  return { token, decision: issued.decision, session: issued.session, user: 'only-b' }
}

/** A request in tenant A that names something: theirs, or nothing at all. Both answers must be the same. */
export type Naming = {
  readonly route: string
  readonly says: string
  readonly door?: Door
  /** What is named: theirs, and nothing's. */
  readonly names: readonly [theirs: string, nothing: string]
  readonly ask: (name: string) => Promise<Knock> | Knock
}

/** The three ways to ask in tenant A: as an administrator, as a client with its assertion, with an access token. */
export type Askers = {
  readonly asAdmin: (method: string, path: string, json?: unknown) => Knock
  readonly asClient: (endpoint: string, form: Form) => Knock
  readonly withToken: (name: KindName, method: string, path: string, json?: unknown, origin?: string) => Knock
}

function withBody(method: string, path: string, headers: Record<string, string>, json: unknown): Knock {
  if (json === undefined) return { method, path, headers }
  return {
    method,
    path,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(json),
  }
}

export function askersOf({ surface, kind }: Pick<Matrix, 'surface' | 'kind'>): Askers {
  return {
    asAdmin: (method, path, json) =>
      withBody(method, path, { authorization: `Bearer ${surface.adminToken}` }, json),
    asClient: (endpoint, form) => {
      const { token, caller } = kind('agent token')
      const path = `/t/a/${endpoint}`
      const dpop = caller.prove('POST', surface.origin + path)
      const body = encode({ client_assertion: token, client_assertion_type: JWT_BEARER, ...form })
      return { method: 'POST', path, headers: { 'content-type': FORM, dpop }, body }
    },
    withToken: (name, method, path, json, origin = surface.origin) => {
      const { token, caller } = kind(name)
      const dpop = caller.prove(method, origin + path, token)
      return withBody(method, path, { authorization: `DPoP ${token}`, dpop }, json)
    },
  }
}

const askOf = (surface: Surface, tenant: string, resource: string) => ({
  tenant,
  resource,
  tool: 'get_order',
  decision: 'dec_matrix',
  presented: {
    authorization: 'DPoP x.y.z',
    dpop: 'x.y.z',
    method: 'POST',
    url: surface.uri(tenant, resource),
  },
})

function tokenNamings(matrix: Matrix): readonly Naming[] {
  const { surface, kind } = matrix
  const { asClient } = askersOf(matrix)
  const route = 'POST /t/:tenant/token'
  const idToken = kind('ID token').token
  const exchange = (resource: string) =>
    asClient('token', without(accessForm('', resource, idToken), 'client_assertion'))
  return [
    {
      route,
      says: 'a resource of B',
      names: [surface.uri('b', 'orders'), surface.uri('b', 'zz-none')],
      ask: exchange,
    },
    {
      route,
      says: 'its own URI with the name of B',
      names: [surface.uri('a', 'only-b'), surface.uri('a', 'zz-none')],
      ask: exchange,
    },
    {
      route,
      says: 'tools of B',
      names: ['only-b/search', 'zz-none/search'],
      ask: (scope) => {
        const form = without(accessForm('', surface.uri('a', 'orders'), idToken), 'client_assertion')
        return asClient('token', { ...form, scope })
      },
    },
    {
      route,
      says: 'a user of B',
      names: ['only-b', 'nobody'],
      ask: (sub) => {
        const form = accessForm('', surface.uri('a', 'orders'), surface.idToken('a', sub))
        return asClient('token', without(form, 'client_assertion'))
      },
    },
    {
      route,
      says: 'a tenant that admits other agents than it',
      names: [surface.issuer('a'), surface.issuer('nowhere')],
      ask: (audience) => {
        const { caller } = kind('warehouse token')
        const path = '/t/operator/token'
        const form = attestForm(caller.evidence, audience)
        const dpop = caller.prove('POST', surface.origin + path)
        return { method: 'POST', path, headers: { 'content-type': FORM, dpop }, body: encode(form) }
      },
    },
  ]
}

function without(form: Form, name: string): Form {
  return Object.fromEntries(Object.entries(form).filter(([each]) => each !== name))
}

export function agentNamings(matrix: Matrix): readonly Naming[] {
  const { surface, kind, theirs } = matrix
  const { asClient, withToken } = askersOf(matrix)
  const { token } = theirs
  const unknown = kind('orders token').forge({ jti: 'tok_nothing' }, {}, kind('upstream token').foreign?.key)
  return [
    ...tokenNamings(matrix),
    ...signInNamings(matrix),
    {
      route: 'POST /t/:tenant/introspect',
      says: 'a token of B',
      names: [token, unknown],
      ask: (each) => asClient('introspect', { token: each }),
    },
    {
      route: 'POST /t/:tenant/revoke',
      says: 'a token of B',
      names: [token, unknown],
      ask: (each) => asClient('revoke', { token: each }),
    },
    {
      route: 'POST /t/:tenant/logout/:idp',
      says: 'an identity provider of B',
      names: ['only-b', 'zz-none'],
      ask: (idp) => ({
        method: 'POST',
        path: `/t/a/logout/${idp}`,
        headers: { 'content-type': FORM },
        body: encode({ logout_token: logoutToken(surface) }),
      }),
    },
    {
      route: 'POST /t/:tenant/leases',
      says: 'a tool of B',
      names: ['get_order', 'zz-none'],
      ask: (tool) => withToken('warehouse token', 'POST', '/t/operator/leases', { tools: [tool] }),
    },
    {
      route: 'POST /t/:tenant/facts',
      says: 'an agent that is no guest here',
      names: ['user:only-b', 'user:nobody'],
      ask: (subject) => withToken('facts token', 'POST', '/t/operator/facts', { subject, says: 'clean' }),
    },
    ...askingNamings({ withToken }),
    ...(['POST', 'GET', 'DELETE'] as const).map((method): Naming => mcpNaming(matrix, method)),
    {
      route: 'GET /.well-known/oauth-protected-resource/t/:tenant/mcp/:resource',
      says: 'a resource of B',
      door: 'gateway',
      names: ['only-b', 'zz-none'],
      ask: (name) => ({ method: 'GET', path: `/.well-known/oauth-protected-resource/t/a/mcp/${name}` }),
    },
    ...(['credentials', 'spend'] as const).flatMap((what): Naming[] => [
      {
        route: `POST /gateway/v1/${what}`,
        says: 'a tenant that it is not listed for',
        names: ['operator', 'nowhere'],
        ask: (tenant) =>
          withToken('gateway token', 'POST', `/gateway/v1/${what}`, askOf(surface, tenant, 'warehouse')),
      },
      {
        route: `POST /gateway/v1/${what}`,
        says: 'a resource of B in A',
        names: ['only-b', 'zz-none'],
        ask: (name) => withToken('gateway token', 'POST', `/gateway/v1/${what}`, askOf(surface, 'a', name)),
      },
    ]),
    ...seenNamings({ withToken }),
  ]
}

function mcpNaming(matrix: Matrix, method: 'POST' | 'GET' | 'DELETE'): Naming {
  return {
    route: `${method} /t/:tenant/mcp/:resource`,
    says: 'a resource of B',
    door: 'gateway',
    names: ['only-b', 'zz-none'],
    ask: (name) => {
      const body = method === 'POST' ? LISTING : undefined
      const { withToken } = askersOf(matrix)
      const asked = withToken('orders token', method, `/t/a/mcp/${name}`, body, matrix.surface.gatewayOrigin)
      return { ...asked, headers: { ...asked.headers, ...MCP_HEADERS } }
    },
  }
}

/** Routes whose only name is the tenant: one that is not there is as unknown as any name under it. */
const ONLY_TENANT = [
  'audit',
  'export',
  'checkpoint',
  'log-key',
  'revocations',
  'quarantine',
  'definitions',
  'user',
]

const AT = '/admin/v1/t/a'

function documentNamings({ asAdmin }: Askers): readonly Naming[] {
  const bodies = { GET: undefined, PUT: { user: 'x', sub: 'x', idp: 'company' }, DELETE: undefined }
  return (['GET', 'PUT', 'DELETE'] as const).flatMap((method) =>
    ['user', 'delegation', 'resource', 'idp'].map(
      (what): Naming => ({
        route: `${method} /admin/v1/t/:tenant/:kind/:name`,
        says: `a ${what} of B`,
        names: ['only-b', 'zz-none'],
        ask: (name) => {
          const asked = asAdmin(method, `${AT}/${what}/${name}`, bodies[method])
          // A name that is free may be taken; what is there may be changed only at its own revision.
          return method === 'GET' ? asked : { ...asked, headers: { ...asked.headers, 'if-match': '"1"' } }
        },
      }),
    ),
  )
}

function auditNamings({ asAdmin }: Askers, theirs: Theirs): readonly Naming[] {
  const fields = {
    user: theirs.user,
    agent: 'operator/pipeline',
    decision: theirs.decision,
    resource: 'warehouse',
  }
  return [
    {
      route: 'GET /admin/v1/t/:tenant/audit/:decision',
      says: 'a decision of B',
      names: [theirs.decision, 'dec_nothing'],
      ask: (name) => asAdmin('GET', `${AT}/audit/${name}`),
    },
    ...Object.entries(fields).map(
      ([field, value]): Naming => ({
        route: 'GET /admin/v1/t/:tenant/audit',
        says: `the ${field} of events of another tenant`,
        names: [value, 'zz-never'],
        ask: (name) => asAdmin('GET', `${AT}/audit?${field}=${name}`),
      }),
    ),
  ]
}

function explainNamings({ asAdmin }: Askers, theirs: Theirs): readonly Naming[] {
  const explain = (says: string, names: Naming['names'], ask: (name: string) => object): Naming => ({
    route: 'POST /admin/v1/t/:tenant/explain',
    says,
    names,
    ask: (name) =>
      asAdmin('POST', `${AT}/explain`, { agent: 'operator/support', tool: 'orders/get_order', ...ask(name) }),
  })
  return [
    explain('a user of B', [theirs.user, 'nobody'], (user) => ({ user })),
    explain('an agent that is no guest here', ['operator/pipeline', 'operator/nobody'], (agent) => ({
      agent,
    })),
    explain('a resource of B', ['only-b', 'zz-none'], (name) => ({ tool: `${name}/search` })),
  ]
}

function revocationNamings({ asAdmin }: Askers, theirs: Theirs): readonly Naming[] {
  const revoke = (kindOf: string, names: Naming['names']): Naming => ({
    route: 'POST /admin/v1/t/:tenant/revocations',
    says: `a ${kindOf} of another tenant`,
    names,
    ask: (name) => asAdmin('POST', `${AT}/revocations`, { kind: kindOf, name, reason: 'matrix' }),
  })
  return [
    revoke('user', [theirs.user, 'nobody']),
    revoke('delegation', ['only-b', 'zz-none']),
    revoke('resource', ['only-b', 'zz-none']),
    revoke('agent', ['operator/pipeline', 'operator/nobody']),
    revoke('tenant', ['operator', 'nowhere']),
    revoke('gateway', ['edge', 'zz-none']),
    revoke('trust', ['prod-cluster', 'zz-none']),
    {
      route: 'DELETE /admin/v1/t/:tenant/revocations/:link',
      says: 'a revocation of B',
      names: [`session:${theirs.session}`, 'session:ses_nothing'],
      ask: (name) => asAdmin('DELETE', `${AT}/revocations/${name}?reason=matrix`),
    },
    {
      route: 'DELETE /admin/v1/t/:tenant/quarantine/:policy',
      says: 'a policy of B in quarantine',
      names: ['only-b', 'zz-none'],
      ask: (name) => asAdmin('DELETE', `${AT}/quarantine/${name}?reason=matrix`),
    },
  ]
}

export function adminNamings(matrix: Matrix): readonly Naming[] {
  const askers = askersOf(matrix)
  return [
    ...documentNamings(askers),
    ...auditNamings(askers, matrix.theirs),
    ...explainNamings(askers, matrix.theirs),
    ...revocationNamings(askers, matrix.theirs),
    ...definitionNamings(askers),
    ...ONLY_TENANT.map(
      (what): Naming => ({
        route: `GET /admin/v1/t/:tenant/${what === 'user' ? ':kind' : what}`,
        says: 'a tenant that is not there',
        names: ['nowhere', 'zz-none'],
        ask: (name) => askers.asAdmin('GET', `/admin/v1/t/${name}/${what}`),
      }),
    ),
  ]
}
