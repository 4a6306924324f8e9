import { z } from 'zod'
import { applyConfiguration } from '../../flows/apply-configuration.ts'
import { answer, notAcceptedAnswer, refusalAnswer } from './answers.ts'
import { type AdminLine, line } from './line.ts'

const MEGABYTE = 1024 * 1024

const filesSchema = z.strictObject({
  files: z
    .array(z.strictObject({ path: z.string().min(1).max(500), text: z.string().max(MEGABYTE) }))
    .min(1)
    .max(5000),
  variables: z.record(z.string().max(100), z.string().max(4096)).default({}),
})

const SAYS = {
  check: 'Reads a configuration folder as a whole and says every problem with its place',
  plan: 'Also looks at the targets of credentials, and says what applying would change',
  apply: 'Changes the registry to what the folder declares, in one commit with its audit events',
} as const

/** `check`, `plan` and `apply` of a folder's files. Refused as a whole with 422 `configuration.refused`. */
export const CONFIGURATION_LINES: readonly AdminLine[] = (['check', 'plan', 'apply'] as const).map((how) =>
  line({
    method: 'POST',
    path: `/admin/v1/${how}`,
    says: SAYS[how],
    body: filesSchema,
    maxBytes: 8 * MEGABYTE,
    run: async ({ admin, body, ports }) => {
      const { files } = body
      const variables = new Map(Object.entries(body.variables))
      const done = await applyConfiguration({ how, files, variables, by: admin.name }, ports.registry)
      if (!done.ok) return refusalAnswer(done.error)
      if (!done.value.accepted) return notAcceptedAnswer(done.value)
      const { revision, lines, cases } = done.value
      return answer({ revision, lines, cases })
    },
  }),
)
