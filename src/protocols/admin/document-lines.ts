import { z } from 'zod'
import { documentKey } from '../../core/documents.ts'
import type { TenantName } from '../../core/ids.ts'
import { isDeclared } from '../../core/policy/built-in-resources.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { type Change, DECLARED, DOCUMENTS, type DocumentKind } from '../../core/registry.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { TenantSnapshot } from '../../core/snapshot.ts'
import type { DeclaredKind } from '../../flows/configuration/yaml-documents.ts'
import { type DocumentAsk, writeDocument } from '../../flows/write-document.ts'
import type { DoorRequest, DoorResponse } from '../../lib/http/route.ts'
import { answer, notAcceptedAnswer, refusalAnswer, UNKNOWN } from './answers.ts'
import { type AdminLine, line } from './line.ts'
import type { AdminPorts } from './ports.ts'

const PATH = '/admin/v1/t/:tenant/:kind/:name'
const bodySchema = z.record(z.string(), z.json())

/** The registry, read and written one document at a time; a write is judged with the whole tenant around it. */
export const DOCUMENT_LINES: readonly AdminLine[] = [
  line({
    method: 'GET',
    path: '/admin/v1/tenants',
    says: 'Lists the tenants',
    run: async ({ ports }) => {
      const { revision, tenants } = ports.snapshot()
      return answer({ revision, tenants: [...tenants.values()].map(tenantLine) })
    },
  }),
  line({
    method: 'GET',
    path: '/admin/v1/t/:tenant/:kind',
    says: 'Lists a tenant’s documents of one kind',
    run: async ({ params, ports }) => {
      const { tenant = '', kind = '' } = params
      if (!isKind(kind) || !ports.snapshot().tenants.has(tenant as TenantName)) return refusalAnswer(UNKNOWN)
      const documents = [...ports.registry.documents().values()]
        .filter((each) => each.tenant === tenant && each.kind === kind && each.doc !== null)
        .map(shown)
        .sort((a, b) => a.name.localeCompare(b.name))
      return answer({ documents })
    },
  }),
  line({
    method: 'GET',
    path: PATH,
    says: 'Reads one document with the revision that wrote it',
    run: async ({ params, ports }) => {
      const found = documentOf(params, ports)
      return found ? answer(shown(found), { etag: `"${found.revision}"` }) : refusalAnswer(UNKNOWN)
    },
  }),
  line({
    method: 'PUT',
    path: PATH,
    says: 'Writes one document (a policy as { "text": Cedar }); If-Match takes the revision that was read',
    body: bodySchema,
    maxBytes: 1024 * 1024,
    run: ({ admin, params, body, request, ports }) =>
      write(request, ports, { ...named(params), doc: body, by: admin.name }),
  }),
  line({
    method: 'DELETE',
    path: PATH,
    says: 'Removes one document; If-Match takes the revision that was read',
    run: ({ admin, params, request, ports }) =>
      write(request, ports, { ...named(params), doc: null, by: admin.name }),
  }),
]

function tenantLine({ tenant, broken, ...rest }: TenantSnapshot) {
  const { agents, admissions, users, resources, policies } = rest
  return {
    tenant: tenant.tenant,
    ...(tenant.display === undefined ? {} : { display: tenant.display }),
    state: broken === undefined ? tenant.state : 'broken',
    ...(broken === undefined ? {} : { broken }),
    agents: agents.size,
    guests: admissions.size,
    users: users.size,
    resources: [...resources.values()].filter(({ resource }) => isDeclared(resource)).length,
    policies: policies.byName.size,
  }
}

function isKind(kind: string): kind is DocumentKind {
  return Object.hasOwn(DOCUMENTS, kind)
}

function documentOf(params: Readonly<Record<string, string>>, ports: AdminPorts): Change | undefined {
  const { tenant = '', kind = '', name = '' } = params
  if (!isKind(kind)) return undefined
  const found = ports.registry.documents().get(documentKey(tenant as TenantName, kind, name))
  return found?.doc === null ? undefined : found
}

function shown({ tenant, kind, name, revision, doc }: Change) {
  return { tenant, kind, name, revision, doc }
}

type Named = Pick<DocumentAsk, 'tenant' | 'kind' | 'name'>

function named(params: Readonly<Record<string, string>>): Named {
  const { tenant = '', kind = '', name = '' } = params
  return { tenant: tenant as TenantName, kind: kind as DeclaredKind, name }
}

async function write(
  request: DoorRequest,
  ports: AdminPorts,
  ask: Omit<DocumentAsk, 'ifRevision'>,
): Promise<DoorResponse> {
  if (!DECLARED.some((kind) => kind === ask.kind)) return refusalAnswer(UNKNOWN)
  const match = ifMatch(request)
  if (!match.ok) return refusalAnswer(match.error)
  const ifRevision = match.value === undefined ? {} : { ifRevision: match.value }
  const done = await writeDocument({ ...ask, ...ifRevision }, ports.registry)
  if (!done.ok) return refusalAnswer(done.error)
  if (!done.value.accepted) return notAcceptedAnswer(done.value)
  const { revision, how } = done.value
  return answer({ revision, how })
}

/** A revision, quoted as an entity tag or not; 0 says that the document must not be there yet. */
function ifMatch(request: DoorRequest): Result<number | undefined, Refusal> {
  const given = request.headers['if-match']
  if (given === undefined) return ok(undefined)
  const found = given.length === 1 ? /^(?:"(\d{1,15})"|(\d{1,15}))$/.exec(given[0] ?? '') : null
  if (found) return ok(Number(found[1] ?? found[2]))
  return err(refuse('malformed', 'admin.if_match', 'If-Match is one revision, such as "8127".'))
}
