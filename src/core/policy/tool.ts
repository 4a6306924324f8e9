import { z } from 'zod'

/**
 * Input of a tool as JSON Schema, the part that policy can see: an object of typed properties.
 * string and enum → String, integer → Long, number → decimal, boolean → Bool, array of string → Set<String>,
 * object → record. What isn't declared isn't shown to policy.
 */
export type InputSchema = {
  readonly type: 'object' | 'string' | 'integer' | 'number' | 'boolean' | 'array'
  readonly properties?: Readonly<Record<string, InputSchema>>
  readonly required?: readonly string[]
  readonly items?: InputSchema
}
export const inputSchemaSchema: z.ZodType<InputSchema> = z.lazy(() =>
  z.looseObject({
    type: z.enum(['object', 'string', 'integer', 'number', 'boolean', 'array']),
    properties: z.record(z.string(), inputSchemaSchema).optional(),
    required: z.array(z.string()).optional(),
    items: inputSchemaSchema.optional(),
  }),
) as z.ZodType<InputSchema>

export const toolSchema = z.strictObject({
  hint: z.enum(['read', 'write']),
  description: z.string().max(500).optional(),
  input: inputSchemaSchema.optional(),
})

/** The tool that a name means where only tools are called. One with a colon can't be declared, and must not mean what stands for something else. */
export function plainTool(name: string): string {
  return name.includes(':') ? `tool:${name}` : name
}

/** One callable operation of a resource. `action` is its Cedar action id, `<resource>/<name>`. */
export type Tool = {
  readonly name: string
  readonly action: string
  readonly hint: 'read' | 'write'
  readonly input?: InputSchema
  /** For PostgreSQL: the table that the verb is on. */
  readonly table?: string
}
