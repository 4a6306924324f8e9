import { z } from 'zod'
import { reveal } from '../../core/secret.ts'
import type { AuthorityPorts } from '../../flows/authority.ts'
import { viewOf } from '../../flows/authority.ts'
import { type LeasingPorts, type Login, leaseLogin } from '../../flows/lease-login.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'

const bodySchema = z.strictObject({ tools: z.array(z.string().min(1).max(200)).min(1).max(100).optional() })

/** What a caller gets, once: the password is nowhere else, not even in the server it is for. */
function answer(login: Login): DoorResponse {
  const { placement, secret, expires } = login.credential
  if (placement.kind !== 'login') return { status: 500, json: { reason: 'http.bug' } }
  const { host, port, database, user } = placement
  const expiresAt = new Date(expires * 1000).toISOString()
  const json = {
    lease: login.lease.id,
    host,
    port,
    database,
    user,
    password: reveal(secret),
    expires_at: expiresAt,
    tables: login.tables,
  }
  return { status: 201, json, headers: { 'cache-control': 'no-store' } }
}

/** `POST /t/<tenant>/leases`: a database login, for an access token whose audience is a PostgreSQL resource and a proof of its key. */
export function leaseRoutes(ports: AuthorityPorts, leasing: LeasingPorts): readonly Route[] {
  const run = async (request: DoorRequest): Promise<DoorResponse> => {
    const view = viewOf(ports, request.params['tenant'] ?? '')
    if (!view)
      return problemOf({
        refused: 'unknown',
        reason: 'http.not_found',
        says: 'There is nothing at this path.',
        facts: {},
      })
    const body = bodySchema.safeParse(request.json)
    if (!body.success)
      return problemOf({
        refused: 'malformed',
        reason: 'lease.body',
        says: 'The body is { "tools": [names] }, or {}.',
        facts: {},
      })
    const presented = {
      authorization: request.headers['authorization'] ?? [],
      dpop: request.headers['dpop'] ?? [],
      method: 'POST',
      url: `${view.issuer}/leases`,
    }
    const tools = body.data.tools ? { tools: body.data.tools } : {}
    const login = await leaseLogin(view, { presented, address: request.address, ...tools }, leasing)
    return login.ok ? answer(login.value) : problemOf(login.error)
  }
  return [
    { method: 'POST', path: '/t/:tenant/leases', guard: 'agent', takes: 'json', errors: 'problem', run },
  ]
}
