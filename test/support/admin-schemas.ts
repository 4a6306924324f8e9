import { DECLARED } from '../../src/core/registry.ts'
import type { Surface } from './authority.ts'
import { objectIn } from './knock.ts'

/** Steps into a JSON value: names of members, and 0 for whatever a list holds. */
export type Path = readonly (string | number)[]

/** What of a body and a query there may be, beside what a good request has. */
export type BodySchema = { readonly strings: readonly Path[]; readonly query: readonly string[] }

/** The texts in each kind of declared document. */
export type DocumentSchemas = ReadonlyMap<string, readonly Path[]>

/** Bodies and queries as the admin API describes itself, by route; documents, which share one route, by kind. */
export async function adminSchemas(
  surface: Surface,
): Promise<{ readonly routes: ReadonlyMap<string, BodySchema>; readonly documents: DocumentSchemas }> {
  const headers = { authorization: `Bearer ${surface.adminToken}` }
  const text = await (await fetch(`${surface.origin}/admin/v1/openapi.json`, { headers })).text()
  const { paths, components } = objectIn(text) as OpenApi
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const route = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`
      const schema = route.startsWith('PUT')
        ? undefined
        : operation.requestBody?.content['application/json'].schema
      const query = operation.parameters.filter((one) => one.in === 'query').map(({ name }) => name)
      return [route, { query, strings: schema ? stringsOf(schema, components.schemas) : [] }] as const
    }),
  )
  const documents = DECLARED.map(
    (kind) => [kind, stringsOf(components.schemas[kind] ?? {}, components.schemas)] as const,
  )
  return { routes: new Map(found), documents: new Map(documents) }
}

type Schema = {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}
type OpenApi = {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly parameters: readonly { readonly in: string; readonly name: string }[]
            readonly requestBody?: {
              readonly content: { readonly 'application/json': { readonly schema: Schema } }
            }
          }
        >
      >
    >
  >
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

type Schemas = Readonly<Record<string, Schema>>

/** Where texts may stand in what a schema takes; what refers to itself is followed once. */
function stringsOf(
  schema: Schema,
  all: Schemas,
  at: Path = [],
  open: readonly string[] = [],
): readonly Path[] {
  const { $ref } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    return open.includes(name) ? [] : stringsOf(all[name] ?? {}, all, at, [...open, name])
  }
  const into = (one: Schema, ...step: Path) => stringsOf(one, all, [...at, ...step], open)
  const { type, properties = {}, additionalProperties: named, items } = schema
  const found = [
    ...(type === 'string' ? [at] : []),
    ...Object.entries(properties).flatMap(([name, one]) => into(one, name)),
    ...(typeof named === 'object' ? into(named, 'x') : []),
    ...(items ? into(items, 0) : []),
    ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => list ?? []).flatMap((one) => into(one)),
  ]
  return [...new Map(found.map((path) => [path.join('.'), path])).values()]
}
