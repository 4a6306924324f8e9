import { z } from 'zod'
import { linkedPolicySchema } from '../../core/policy/policy.ts'
import { DECLARED, DOCUMENTS, type DocumentKind } from '../../core/registry.ts'
import type { AdminLine } from './line.ts'

type Json = Readonly<Record<string, unknown>>

const PROBLEM = { $ref: '#/components/schemas/problem' }

/** The OpenAPI document of the admin API, made from the lines that serve it and the schemas that judge it. */
export function openApiOf(lines: readonly AdminLine[], origin: string): Json {
  const schemas = new Map<string, unknown>()
  addSchema(schemas, 'problem', problemSchema)
  for (const kind of DECLARED) addSchema(schemas, kind, WRITTEN[kind] ?? DOCUMENTS[kind])
  const paths: Record<string, Record<string, unknown>> = {}
  for (const line of lines) {
    const path = line.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [line.method.toLowerCase()]: operationOf(line, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Countersign admin API', version: '1' },
    servers: [{ url: origin }],
    security: [{ admin: [] }],
    paths,
    components: {
      securitySchemes: { admin: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: Object.fromEntries(schemas),
    },
  }
}

function operationOf(line: AdminLine, schemas: Map<string, unknown>): Json {
  const type = line.answers ?? 'application/json'
  const good = { description: line.says, content: { [type]: {} } }
  const bad = { description: 'Refused', content: { 'application/problem+json': { schema: PROBLEM } } }
  const body = line.body
    ? { requestBody: { required: true, content: { 'application/json': { schema: bodyOf(line, schemas) } } } }
    : {}
  return {
    summary: line.says,
    parameters: [...pathParameters(line.path), ...queryParameters(line.query)],
    ...body,
    responses: { '200': good, default: bad },
  }
}

/** A document's body is of the kind that its path names. */
function bodyOf(line: AdminLine, schemas: Map<string, unknown>): unknown {
  if (line.path.endsWith('/:kind/:name'))
    return { oneOf: DECLARED.map((kind) => ({ $ref: `#/components/schemas/${kind}` })) }
  const name = `${line.method.toLowerCase()}-${line.path.split('/').at(-1)}`
  return line.body ? addSchema(schemas, name, line.body) : undefined
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'kind' ? { type: 'string', enum: Object.keys(DOCUMENTS) } : { type: 'string' },
  }))
}

function queryParameters(query: z.ZodType | undefined): readonly Json[] {
  if (!(query instanceof z.ZodObject)) return []
  return Object.entries(query.shape as Readonly<Record<string, z.ZodType>>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    schema: plainSchema(schema),
  }))
}

const CEDAR_TEXT = z.strictObject({ text: z.string() })

/** What is written in Cedar is given as its text; the path has its name, which a linked policy may state again. */
const WRITTEN: Readonly<Partial<Record<DocumentKind, z.ZodType>>> = {
  template: CEDAR_TEXT,
  policy: z.union([CEDAR_TEXT, linkedPolicySchema.partial({ policy: true })]),
}

/** Adds a schema under a name, and with it what it refers to; answers a reference to it. */
function addSchema(schemas: Map<string, unknown>, name: string, schema: z.ZodType): Json {
  const ref = (part: string) => `"#/components/schemas/${part}"`
  // Its own references lead to the top of its own document, which here is somewhere in a larger one.
  const text = JSON.stringify(plainSchema(schema))
    .replaceAll('"#"', ref(name))
    .replaceAll(/"#\/\$defs\/(\w+)"/g, (_whole, part: string) => ref(`${name}.${part}`))
  const { $defs = {}, ...own } = JSON.parse(text) as { readonly $defs?: Json }
  schemas.set(name, own)
  for (const [part, definition] of Object.entries($defs)) schemas.set(`${name}.${part}`, definition)
  return { $ref: `#/components/schemas/${name}` }
}

function plainSchema(schema: z.ZodType): Json {
  const { $schema: _version, ...plain } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return plain
}

const placeSchema = z.object({
  path: z.string(),
  line: z.int(),
  column: z.int(),
  code: z.string(),
  says: z.string(),
  snippet: z.string().optional(),
  length: z.int().optional(),
  hint: z.string().optional(),
})
const findingSchema = z.object({
  tenant: z.string(),
  resource: z.string(),
  code: z.string(),
  says: z.string(),
  remedy: z.array(z.string()),
})
const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  reason: z.string().describe('A stable code of docs/errors.md'),
  facts: z.record(z.string(), z.json()).optional(),
  problems: z.array(placeSchema).optional(),
  findings: z.array(findingSchema).optional(),
})
