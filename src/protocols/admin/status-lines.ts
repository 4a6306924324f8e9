import { z } from 'zod'
import { explainAccess } from '../../flows/explain-access.ts'
import { answer, refusalAnswer } from './answers.ts'
import { type AdminLine, line } from './line.ts'

const askSchema = z.strictObject({
  agent: z.string().min(1).max(100),
  user: z.string().min(1).max(200).optional(),
  tool: z.string().min(1).max(200),
  input: z.json().optional(),
  address: z.union([z.ipv4(), z.ipv6()]).optional(),
})

/** Why something is allowed or not, and what stands behind it. */
export const STATUS_LINES: readonly AdminLine[] = [
  line({
    method: 'POST',
    path: '/admin/v1/t/:tenant/explain',
    says: 'Why a request would be allowed or not: policies, conditions, facts, the nearest permit that missed',
    body: askSchema,
    run: async ({ params, body, ports }) => {
      const { user, input, address, ...ask } = body
      const done = explainAccess(
        params['tenant'] ?? '',
        {
          ...ask,
          ...(user === undefined ? {} : { user }),
          ...(input === undefined ? {} : { input }),
          ...(address === undefined ? {} : { address }),
        },
        ports,
      )
      return done.ok ? answer(done.value) : refusalAnswer(done.error)
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/gateways',
    says: 'Gateways that are connected to this authority, and the revision each has acknowledged',
    run: async ({ ports }) => answer({ revision: ports.snapshot().revision, gateways: ports.gateways() }),
  }),
  line({
    method: 'GET',
    path: '/admin/v1/roots',
    says: 'The few secrets that exist, and where each lives',
    run: async ({ ports }) => answer({ roots: await ports.roots() }),
  }),
]
