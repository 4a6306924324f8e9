import { z } from 'zod'
import { inputSchemaSchema } from './tool.ts'

/**
 * A prompt that a server behind offers by name. It becomes the tool `prompt:<name>`. On the wire its arguments are text, so a declared
 * one has no other type: policy would wait for a number that never comes.
 */
export const promptSchema = z.strictObject({
  hint: z.enum(['read', 'write']).default('read'),
  description: z.string().max(500).optional(),
  input: inputSchemaSchema
    .refine(
      ({ type, properties = {} }) =>
        type === 'object' && Object.values(properties).every((property) => property.type === 'string'),
      {
        error:
          'the input of a prompt is an object of texts: `{ type: object, properties: { <name>: { type: string } } }`',
      },
    )
    .optional(),
})
export type Prompt = z.infer<typeof promptSchema>

export function promptTool(name: string): string {
  return `prompt:${name}`
}
