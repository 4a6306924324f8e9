import { z } from 'zod'
import type { TenantName } from '../../core/ids.ts'
import type { Definition, SeenDefinition } from '../../core/policy/definition.ts'
import { differences } from '../../core/policy/definition-diff.ts'
import type { Json } from '../../lib/strict-json.ts'
import { answer, refusalAnswer, UNKNOWN } from './answers.ts'
import { type AdminLine, line } from './line.ts'

const PATH = '/admin/v1/t/:tenant/definitions'

/** What servers behind say of their tools: what was accepted, and what waits for somebody to look. */
export const DEFINITION_LINES: readonly AdminLine[] = [
  line({
    method: 'GET',
    path: PATH,
    says: 'Lists the tools of which a definition was seen, with the hash of what counts and of what waits for a person',
    run: async ({ params, ports }) => {
      const tenant = ports.snapshot().tenants.get(params['tenant'] as TenantName)
      if (!tenant) return refusalAnswer(UNKNOWN)
      const all = [...tenant.definitions.values()].sort((a, b) => (a.definition < b.definition ? -1 : 1))
      return answer({ definitions: all.map(summaryOf) })
    },
  }),
  line({
    method: 'GET',
    path: `${PATH}/:resource/:tool`,
    says: 'Shows one tool’s definition that counts, the one that waits, and where they differ',
    run: async ({ params, ports }) => {
      const { tenant, resource, tool } = params
      const known = ports.snapshot().tenants.get(tenant as TenantName)
      const found = known?.definitions.get(`${resource}/${tool}`)
      return found ? answer(wholeOf(found)) : refusalAnswer(UNKNOWN)
    },
  }),
  line({
    method: 'POST',
    path: `${PATH}/:resource/:tool`,
    says: 'Accepts a definition that somebody has looked at, named by its hash: from then on it alone counts',
    body: z.strictObject({ sha256: z.string().length(43), reason: z.string().min(1).max(200) }),
    run: async ({ admin, params, body, ports }) => {
      const { tenant, resource, tool } = params
      const named = { tenant: tenant as TenantName, definition: `${resource}/${tool}` }
      const done = await ports.accept({ ...named, ...body, by: admin.name })
      return done.ok ? answer(done.value) : refusalAnswer(done.error)
    },
  }),
]

function summaryOf({ definition, accepted, waiting }: Definition) {
  const counts = accepted ? { accepted: { ...hashOf(accepted), by: accepted.by } } : {}
  return { definition, ...counts, ...(waiting ? { waiting: hashOf(waiting) } : {}) }
}

function wholeOf({ definition, accepted, waiting }: Definition) {
  const [before, after] = [accepted && wordsOf(accepted), waiting && wordsOf(waiting)]
  const counts = accepted ? { accepted: { ...hashOf(accepted), by: accepted.by, says: before } } : {}
  const waits = waiting ? { waiting: { ...hashOf(waiting), says: after } } : {}
  return { definition, ...counts, ...waits, differences: waiting ? differences(before, after) : [] }
}

function hashOf({ sha256, at }: SeenDefinition) {
  return { sha256, at }
}

/** It was canonical JSON when it was written. */
function wordsOf({ text }: SeenDefinition): Json {
  return JSON.parse(text) as Json
}
