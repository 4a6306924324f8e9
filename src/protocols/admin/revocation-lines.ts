import { z } from 'zod'
import type { TenantName } from '../../core/ids.ts'
import { LINK_KINDS } from '../../core/lifecycle/revocation.ts'
import { answer, refusalAnswer, UNKNOWN } from './answers.ts'
import { type AdminLine, line } from './line.ts'

const revocationSchema = z.strictObject({
  kind: z.enum(LINK_KINDS),
  name: z.string().min(1).max(300),
  reason: z.string().min(1).max(200),
  /** Also end everything newer, until it is lifted. */
  standing: z.boolean().default(true),
})

/** Ending something now, and letting it begin again. */
export const REVOCATION_LINES: readonly AdminLine[] = [
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/revocations',
    says: 'Lists what is revoked in a tenant',
    run: async ({ params, ports }) => {
      const tenant = ports.snapshot().tenants.get(params['tenant'] as TenantName)
      if (!tenant) return refusalAnswer(UNKNOWN)
      const revocations = [...tenant.revocations].map(([link, { at, standing, reason }]) => ({
        link,
        revision: at,
        standing,
        reason,
      }))
      return answer({ revocations })
    },
  }),
  line({
    method: 'POST',
    path: '/admin/v1/t/:tenant/revocations',
    says: 'Ends everything that stands on a link, at every gateway and provider, and says what ended',
    body: revocationSchema,
    run: async ({ admin, params, body, ports }) => {
      const { kind, name, reason, standing } = body
      const tenant = params['tenant'] as TenantName
      const done = await ports.revoke({ tenant, link: `${kind}:${name}`, reason, standing, by: admin.name })
      return done.ok ? answer(done.value) : refusalAnswer(done.error)
    },
  }),
  line({
    method: 'DELETE',
    path: '/admin/v1/t/:tenant/revocations/:link',
    says: 'Lifts a standing revocation: what is issued from now on counts again',
    query: z.strictObject({ reason: z.string().min(1).max(200) }),
    run: async ({ admin, params, query, ports }) => {
      const { tenant, link = '' } = params
      const ask = { tenant: tenant as TenantName, link, reason: query.reason, by: admin.name }
      const done = await ports.restore(ask)
      return done.ok ? answer(done.value) : refusalAnswer(done.error)
    },
  }),
]
