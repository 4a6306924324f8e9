import { z } from 'zod'
import type { AuthorityPorts } from '../../flows/authority.ts'
import { reportFact } from '../../flows/report-fact.ts'
import type { Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'
import { tenantPost } from '../tenant-post.ts'

const bodySchema = z.strictObject({ subject: z.string().min(3).max(200), says: z.string().min(1).max(200) })

/** `POST /t/<tenant>/facts`: a posture fact from a workload that policy lets report it (`Action::"facts/report"`). */
export function factRoutes(ports: AuthorityPorts): readonly Route[] {
  const facts = tenantPost(ports, {
    name: 'facts',
    body: bodySchema,
    malformed: ['fact.body', 'The body is { "subject", "says" }.'],
    answer: async (view, ask, body) => {
      const taken = await reportFact(view, { ...ask, ...body })
      return taken.ok ? { status: 201, json: { revision: taken.value.revision } } : problemOf(taken.error)
    },
  })
  return [facts]
}
