import { z } from 'zod'
import { agentRefSchema, nameSchema } from './name.ts'

/** An agent's recorded, revocable right to work in a tenant that is not its home. Both sides' forbids apply. */
export const admissionSchema = z.strictObject({
  admission: agentRefSchema,
  resources: z.array(nameSchema).optional(),
  until: z.iso.datetime().optional(),
})
export type Admission = z.infer<typeof admissionSchema>
