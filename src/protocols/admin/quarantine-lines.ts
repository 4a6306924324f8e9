import { z } from 'zod'
import type { TenantName } from '../../core/ids.ts'
import { answer, refusalAnswer, UNKNOWN } from './answers.ts'
import { type AdminLine, line } from './line.ts'

/** Policies on which the two engines once differed, and how the engines fare. */
export const QUARANTINE_LINES: readonly AdminLine[] = [
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/quarantine',
    says: 'Lists the policies of a tenant that allow only what both engines allow, and what each engine said',
    run: async ({ params, ports }) => {
      const tenant = ports.snapshot().tenants.get(params['tenant'] as TenantName)
      if (!tenant) return refusalAnswer(UNKNOWN)
      return answer({ quarantine: [...tenant.quarantine.values()] })
    },
  }),
  line({
    method: 'DELETE',
    path: '/admin/v1/t/:tenant/quarantine/:policy',
    says: 'Lifts the quarantine of a policy that somebody has looked at: one engine decides by it again',
    query: z.strictObject({ reason: z.string().min(1).max(200) }),
    run: async ({ admin, params, query, ports }) => {
      const { tenant, policy = '' } = params
      const ask = { tenant: tenant as TenantName, policy, reason: query.reason, by: admin.name }
      const done = await ports.lift(ask)
      return done.ok ? answer(done.value) : refusalAnswer(done.error)
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/engines',
    says: "How many decided calls were asked of Cedar's own engine again, here and at the gateways that reported here, and on how many both differed",
    run: async ({ ports }) => answer({ engines: ports.engines() }),
  }),
]
