import { z } from 'zod'
import { type AuthorityPorts, viewOf } from '../../flows/authority.ts'
import { reportFact } from '../../flows/report-fact.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'

const bodySchema = z.strictObject({ subject: z.string().min(3).max(200), says: z.string().min(1).max(200) })

/** `POST /t/<tenant>/facts`: a posture fact from a workload that policy lets report it (`Action::"facts/report"`). */
export function factRoutes(ports: AuthorityPorts): readonly Route[] {
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
        reason: 'fact.body',
        says: 'The body is { "subject", "says" }.',
        facts: {},
      })
    const presented = {
      authorization: request.headers['authorization'] ?? [],
      dpop: request.headers['dpop'] ?? [],
      method: 'POST',
      url: `${view.issuer}/facts`,
    }
    const taken = await reportFact(view, { presented, address: request.address, ...body.data })
    return taken.ok ? { status: 201, json: { revision: taken.value.revision } } : problemOf(taken.error)
  }
  return [{ method: 'POST', path: '/t/:tenant/facts', guard: 'agent', takes: 'json', errors: 'problem', run }]
}
