import { z } from 'zod'

/** How sensitive a resource or a tool's result is. Sessions collect labels; they only rise. */
export const labelSchema = z.enum(['public', 'internal', 'confidential'])
export type Label = z.infer<typeof labelSchema>
