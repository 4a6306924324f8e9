import { serveRoutes } from '../../src/lib/http/server.ts'
import { adminSocketRoutes } from '../../src/protocols/admin/routes.ts'
import type { FakeAdmin } from './admin.ts'

export const TENANT = `
tenant: a
display: Customer A
user_attributes: { customer_id: String }
---
idp: company
issuer: https://idp.example
---
trust: prod
attestor: oidc-token
preset: kubernetes
issuer: https://cluster.example
audience: https://authority.example/t/a
pin: { sa-uid: ["1"] }
---
agent: support
kind: customer
owner: lee@a.example
is: { trust: prod, "k8s:ns": support }
---
resource: orders
type: mcp
at: https://orders.internal/mcp
data: argument
tools:
  get_order:
    hint: read
    input: { type: object, properties: { customer_id: { type: string } }, required: [customer_id] }
---
user: ana@a.example
idp: company
sub: ana
attributes: { customer_id: c-42 }
---
delegation: support-desk
agent: support
user: "*"
tools: ["orders/*"]
`
export const POLICIES = `
@id("support-reads-orders")
permit (principal == Agent::"support", action in Action::"orders/*read", resource == Resource::"orders");
@id("own")
permit (principal is User, action == Action::"orders/get_order", resource == Resource::"orders")
when { context.input.customer_id == principal.customer_id };
`
/** A tenant with an agent, a user, a resource and two policies. */
export const FILES = [
  { path: 'a/tenant.yaml', text: TENANT },
  { path: 'a/orders.cedar', text: POLICIES },
]

type Sent = {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly token?: string
}

/** The admin API of these ports on a free port, and a caller that has logged in. */
export async function startAdmin(ports: FakeAdmin) {
  const server = await serveRoutes(adminSocketRoutes(ports), {
    host: '127.0.0.1',
    port: 0,
  })
  const origin = `http://127.0.0.1:${server.port}`
  const given = await fetch(`${origin}/admin/v1/login`, { method: 'POST' })
  const login = (await given.json()) as { token: string }
  const call = async (path: string, sent: Sent = {}) => {
    const response = await fetch(`${origin}/admin/v1${path}`, {
      method: sent.method ?? (sent.body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${sent.token ?? login.token}`,
        ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...sent.headers,
      },
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') && !text.includes('\n{')
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
  }
  return { ...server, origin, call, token: String(login.token) }
}
