import type { World } from '../properties/decide-world.ts'
import {
  type Answered,
  type FakeAuthority,
  foreignIssuer,
  GATEWAY,
  type Instance,
  instanceOf,
  START,
  startAuthority,
} from './authority.ts'

export const CLUSTER = foreignIssuer('https://cluster.example')
export const COMPANY = foreignIssuer('https://login.a.example')
export const OTHER_COMPANY = foreignIssuer('https://login.b.example')

export const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const TYPE = 'urn:ietf:params:oauth:token-type:'
export const AGENT_TYPE = 'urn:countersign:params:oauth:token-type:agent-jwt'
export const BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export const ORDERS = (tenant: string) => `${GATEWAY}/t/${tenant}/mcp/orders`
export const CATALOGUE = (tenant: string) => `${GATEWAY}/t/${tenant}/mcp/catalogue`

const tool = { hint: 'read' } as const
const workload = (name: string) => ({ trust: 'prod', 'k8s:ns': 'apps', 'k8s:sa': name })
const agent = (name: string, more: object = {}) => ({
  agent: name,
  kind: 'customer',
  owner: 'lee@operator.example',
  is: workload(name),
  ...more,
})

const customer = (name: string, issuer: string, users: readonly string[]): World[string] => ({
  tenant: [{ user_attributes: { team: 'String', level: 'Long' } }],
  idp: [
    {
      idp: 'sso',
      users: name === 'b' ? 'any' : 'listed',
      attributes: { team: 'department', level: 'grade' },
      issuer,
      // One takes them, and the other only signs people in.
      ...(name === 'a' ? { id_jag: {} } : {}),
      clients: { 'operator/support': `${name}-support`, 'operator/router': `${name}-router` },
    },
  ],
  user: users.map((user) => ({ user, idp: 'sso', sub: user })),
  admission: [{ admission: 'operator/support' }, { admission: 'operator/router' }],
  resource: [
    {
      resource: 'orders',
      type: 'mcp',
      at: 'https://orders.example/mcp',
      data: 'argument',
      tools: { get_order: tool, list_orders: tool, cancel: { hint: 'write' } },
    },
    {
      resource: 'catalogue',
      type: 'mcp',
      at: 'https://catalogue.example/mcp',
      alone: true,
      tools: { search: tool },
    },
  ],
  delegation: [
    { delegation: 'support', agent: 'operator/support', user: '*', tools: ['orders/*', 'catalogue/*'] },
    { delegation: 'router', agent: 'operator/router', user: '*', tools: ['orders/*'] },
  ],
  cedar: `
    @id("agents-read-orders") permit (principal is Agent, action in Action::"orders/*read", resource == Resource::"orders");
    @id("users-read-orders") permit (principal is User, action in Action::"orders/*read", resource == Resource::"orders");
    @id("agents-search") permit (principal is Agent, action in Action::"catalogue/*read", resource == Resource::"catalogue");
    @id("users-search") permit (principal is User, action in Action::"catalogue/*read", resource == Resource::"catalogue");
  `,
})

const worldFor = (origin: string): World => ({
  operator: {
    trust: [
      {
        trust: 'prod',
        attestor: 'oidc-token',
        preset: 'kubernetes',
        issuer: CLUSTER.issuer,
        audience: `${origin}/t/operator`,
        pin: { 'sa-uid': ['u-support', 'u-router', 'u-loose', 'u-idle', 'u-stopped', 'u-gw-1', 'u-twin'] },
        jwks: CLUSTER.jwks,
      },
    ],
    agent: [
      agent('support'),
      agent('router'),
      agent('idle'),
      agent('stopped', { state: 'suspended' }),
      agent('loose', { dpop: 'optional' }),
      agent('twin'),
      { ...agent('twin-2'), is: workload('twin') },
    ],
    gateway: [{ gateway: 'gw-1', is: workload('gw-1'), tenants: ['a'] }],
    resource: [
      {
        resource: 'catalogue',
        type: 'mcp',
        at: 'https://catalogue.example/mcp',
        alone: true,
        tools: { search: tool, browse: tool },
      },
    ],
    cedar:
      '@id("all-search") permit (principal is Agent, action == Action::"catalogue/search", resource == Resource::"catalogue");',
  },
  a: customer('a', COMPANY.issuer, ['ana', 'abe']),
  b: customer('b', OTHER_COMPANY.issuer, ['ben']),
})

export const startStory = () => startAuthority(worldFor, [CLUSTER, COMPANY, OTHER_COMPANY])

/** A projected service account token of one pod. */
export function evidence(authority: FakeAuthority, name: string, over: Record<string, unknown> = {}): string {
  const { pod = `${name}-1`, ...rest } = over
  return CLUSTER.sign({
    aud: [authority.issuer('operator')],
    sub: `system:serviceaccount:apps:${name}`,
    iat: START - 60,
    exp: START + 3000,
    jti: crypto.randomUUID(),
    'kubernetes.io': {
      namespace: 'apps',
      serviceaccount: { name, uid: `u-${name}` },
      pod: { name: pod, uid: `uid-${String(pod)}` },
    },
    ...rest,
  })
}

export function idToken(over: Record<string, unknown> = {}, typ = 'JWT'): string {
  return COMPANY.sign(
    {
      sub: 'ana',
      aud: 'a-support',
      iat: START - 30,
      exp: START + 600,
      auth_time: START - 30,
      sid: 'sid-1',
      ...over,
    },
    typ,
  )
}

/** One running agent: evidence in hand, a key in memory. */
export type Runner = Instance & {
  readonly agentToken: (tenant: string) => Promise<string>
  readonly attest: (
    form?: Record<string, string | readonly string[]>,
    headers?: Record<string, string> | null,
  ) => Promise<Answered>
  readonly ask: (
    tenant: string,
    form: Record<string, string | readonly string[]>,
    headers?: Record<string, string> | null,
  ) => Promise<Answered>
  readonly exchange: (
    tenant: string,
    subject: string,
    form?: Record<string, string | readonly string[]>,
  ) => Promise<Answered>
}

export function runner(authority: FakeAuthority, name: string, over: Record<string, unknown> = {}): Runner {
  const instance = instanceOf(authority)
  const mine = evidence(authority, name, over)
  const attest: Runner['attest'] = (form = {}, headers = {}) =>
    instance.post(
      `${authority.issuer('operator')}/token`,
      {
        grant_type: GRANT,
        subject_token: mine,
        subject_token_type: `${TYPE}jwt`,
        requested_token_type: AGENT_TYPE,
        audience: authority.issuer('a'),
        ...form,
      },
      headers,
    )
  const agentToken = async (tenant: string) =>
    String((await attest({ audience: authority.issuer(tenant) })).body.access_token)
  const ask: Runner['ask'] = async (tenant, form, headers = {}) =>
    instance.post(
      `${authority.issuer(tenant)}/token`,
      {
        grant_type: 'client_credentials',
        client_assertion_type: BEARER,
        client_assertion: await agentToken(tenant),
        resource: CATALOGUE(tenant),
        ...form,
      },
      headers,
    )
  const exchange: Runner['exchange'] = (tenant, subject, form = {}) =>
    ask(tenant, {
      grant_type: GRANT,
      subject_token: subject,
      subject_token_type: `${TYPE}id_token`,
      resource: ORDERS(tenant),
      ...form,
    })
  return { ...instance, attest, agentToken, ask, exchange }
}
