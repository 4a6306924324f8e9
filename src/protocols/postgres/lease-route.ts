import { z } from 'zod'
import { reveal } from '../../core/secret.ts'
import type { AuthorityPorts } from '../../flows/authority.ts'
import { type LeasingPorts, type Login, leaseLogin } from '../../flows/lease-login.ts'
import type { DoorResponse, Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'
import { tenantPost } from '../tenant-post.ts'

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
  const lease = tenantPost(ports, {
    name: 'leases',
    body: bodySchema,
    malformed: ['lease.body', 'The body is { "tools": [names] }, or {}.'],
    answer: async (view, ask, { tools }) => {
      const login = await leaseLogin(view, tools ? { ...ask, tools } : ask, leasing)
      return login.ok ? answer(login.value) : problemOf(login.error)
    },
  })
  return [lease]
}
