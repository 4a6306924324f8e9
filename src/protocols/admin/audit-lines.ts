import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import type { TenantName } from '../../core/ids.ts'
import type { AuditFilter, LoggedEvent } from '../../core/ports.ts'
import { epochMillis } from '../../core/time.ts'
import { exportAudit } from '../../flows/export-audit.ts'
import { agentNamed, findDecision, searchAudit } from '../../flows/search-audit.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { answer, refusalAnswer, UNKNOWN } from './answers.ts'
import { type AdminLine, line } from './line.ts'
import type { AdminPorts } from './ports.ts'

const timeSchema = z.iso.datetime({ offset: true, error: 'a time is ISO 8601, such as 2026-11-24T09:00:00Z' })

const filterSchema = z.strictObject({
  agent: z.string().max(100).optional(),
  user: z.string().max(200).optional(),
  resource: z.string().max(2048).optional(),
  decision: z.string().max(40).optional(),
  outcome: z.enum(['allow', 'deny', 'ask', 'done', 'failed']).optional(),
  from: timeSchema.optional(),
  until: timeSchema.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.coerce.number().int().min(0).optional(),
})

/** A tenant's log: read by people, exported for anyone to verify. */
export const AUDIT_LINES: readonly AdminLine[] = [
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/audit',
    says: 'Events that match, in the order of the log: the newest, or those after an index',
    query: filterSchema,
    run: async ({ params, query, ports }) => {
      const tenant = tenantOf(params, ports)
      if (!tenant) return refusalAnswer(UNKNOWN)
      const page = await searchAudit(filterOf(tenant, query, ports), ports.store)
      return answer({ events: page.events.map(shown), treeSize: page.treeSize })
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/audit/:decision',
    says: 'Everything recorded under one decision',
    run: async ({ params, ports }) => {
      const tenant = tenantOf(params, ports)
      if (!tenant) return refusalAnswer(UNKNOWN)
      const found = await findDecision(tenant, params['decision'] ?? '', ports.store)
      return found.ok ? answer({ events: found.value.map(shown) }) : refusalAnswer(found.error)
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/export',
    says: 'The whole log up to a checkpoint signed now, a line each, for `countersign audit verify`',
    answers: 'application/x-ndjson',
    run: async ({ params, ports }) => {
      const tenant = tenantOf(params, ports)
      return tenant ? streamed(exportAudit(tenant, ports.store, ports.checkpoints)) : refusalAnswer(UNKNOWN)
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/checkpoint',
    says: 'The newest signed checkpoint; a new one when the log has grown',
    run: async ({ params, ports }) => {
      const tenant = tenantOf(params, ports)
      if (!tenant) return refusalAnswer(UNKNOWN)
      return answer({
        origin: ports.checkpoints.origin(tenant),
        ...(await ports.checkpoints.checkpoint(tenant)),
      })
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/log-key',
    says: 'The public key that signs the checkpoints, as auditors pin it',
    run: async ({ params, ports }) => {
      const tenant = tenantOf(params, ports)
      if (!tenant) return refusalAnswer(UNKNOWN)
      return answer({ origin: ports.checkpoints.origin(tenant), key: ports.checkpoints.logKey })
    },
  }),
]

function tenantOf(params: Readonly<Record<string, string>>, ports: AdminPorts): TenantName | undefined {
  const tenant = params['tenant'] as TenantName
  return ports.snapshot().tenants.has(tenant) ? tenant : undefined
}

function filterOf(tenant: TenantName, query: z.output<typeof filterSchema>, ports: AdminPorts): AuditFilter {
  const { agent, from, until, limit, after, ...rest } = query
  const known = ports.snapshot().tenants.get(tenant)
  // An agent that is gone from the registry is still in the log, by the id that it had.
  const named =
    agent !== undefined && known
      ? (agentNamed(known, agent) ?? (agent.includes('/') ? agent : `${tenant}/${agent}`))
      : undefined
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return {
    tenant,
    limit,
    ...given,
    ...(named === undefined ? {} : { agent: named }),
    ...(from === undefined ? {} : { from: epochMillis(Date.parse(from)) }),
    ...(until === undefined ? {} : { until: epochMillis(Date.parse(until)) }),
    ...(after === undefined ? {} : { after }),
  }
}

/** An event as people see it: what is committed to in the log is shown as it was, as long as its opening is kept. */
function shown({ index, event, openings }: LoggedEvent) {
  const { user: _user, input: _input, ...open } = event
  return {
    index,
    ...open,
    ...(openings.user ? { user: openings.user.value } : event.user ? { user: 'erased' } : {}),
    ...(openings.input ? { input: openings.input.value } : event.input ? { input: 'erased' } : {}),
  }
}

/** The first line is made before the status is sent, so that what can't be exported is refused rather than cut. */
async function streamed(lines: AsyncGenerator<string>): Promise<DoorResponse> {
  const first = await lines.next()
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/x-ndjson',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      if (!first.done) await send(response, first.value)
      for await (const each of lines) {
        if (response.destroyed) return
        await send(response, each)
      }
      response.end()
    },
  }
}

async function send(response: ServerResponse, text: string): Promise<void> {
  if (response.write(`${text}\n`)) return
  const gone = new AbortController()
  const stop = () => gone.abort()
  response.once('close', stop)
  await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
  response.removeListener('close', stop)
}
