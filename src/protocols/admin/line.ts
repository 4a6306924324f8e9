import { z } from 'zod'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { type Admin, authenticateAdmin } from './admin-token.ts'
import { refusalAnswer } from './answers.ts'
import type { AdminPorts } from './ports.ts'

/** A request of a known administrator, its body and query read by the line's own schemas. */
export type AdminCall<Body, Query> = {
  readonly admin: Admin
  readonly params: Readonly<Record<string, string>>
  readonly body: Body
  readonly query: Query
  readonly request: DoorRequest
  readonly ports: AdminPorts
}

/** A line of the admin table: what it is for, what it takes, what it does. The OpenAPI document is made from the same lines. */
export type AdminLine = {
  readonly method: Route['method']
  readonly path: string
  readonly says: string
  readonly body?: z.ZodType
  readonly query?: z.ZodType
  /** Media type of a good answer; JSON when absent. */
  readonly answers?: string
  readonly maxBytes?: number
  readonly run: (request: DoorRequest, admin: Admin, ports: AdminPorts) => Promise<DoorResponse>
}

type Spec<Body extends z.ZodType, Query extends z.ZodType> = Omit<AdminLine, 'run' | 'body' | 'query'> & {
  readonly body?: Body
  readonly query?: Query
  readonly run: (call: AdminCall<z.output<Body>, z.output<Query>>) => Promise<DoorResponse>
}

const NO_QUERY = z.strictObject({})

/** Makes a line whose `run` sees only what its schemas accepted. Refuses `admin.body` and `admin.query`. */
export function line<Body extends z.ZodType = z.ZodUndefined, Query extends z.ZodType = typeof NO_QUERY>(
  spec: Spec<Body, Query>,
): AdminLine {
  const { run, ...rest } = spec
  return {
    ...rest,
    run: async (request, admin, ports) => {
      const body = spec.body ? read(spec.body, request.json, 'body') : ok(undefined)
      if (!body.ok) return refusalAnswer(body.error)
      const query = read(spec.query ?? NO_QUERY, Object.fromEntries(request.query), 'query')
      if (!query.ok) return refusalAnswer(query.error)
      return run({
        admin,
        params: request.params,
        body: body.value as z.output<Body>,
        query: query.value as z.output<Query>,
        request,
        ports,
      })
    },
  }
}

function read(schema: z.ZodType, value: unknown, what: 'body' | 'query'): Result<unknown, Refusal> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  const at = issue?.path.map(String).join('.')
  const says = `The ${what} does not fit: ${at ? `${at}: ` : ''}${issue?.message ?? 'not what is taken here'}`
  return err(refuse('malformed', `admin.${what}`, says.slice(0, 500)))
}

/** The lines as routes: each first asks who administrates, whatever else was sent. */
export function routesOf(lines: readonly AdminLine[], ports: AdminPorts): readonly Route[] {
  return lines.map(({ method, path, body, maxBytes, run }) => ({
    method,
    path,
    guard: 'admin',
    takes: body ? 'json' : 'nothing',
    errors: 'problem',
    ...(maxBytes === undefined ? {} : { maxBytes }),
    run: async (request) => {
      const admin = await authenticateAdmin(request, ports)
      return admin.ok ? run(request, admin.value, ports) : refusalAnswer(admin.error)
    },
  }))
}
