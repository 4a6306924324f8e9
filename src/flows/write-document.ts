import { isDeepStrictEqual } from 'node:util'
import type { AuditDraft } from '../core/audit/audit-event.ts'
import { documentKey } from '../core/documents.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import type { Resource } from '../core/policy/resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import type { Change, ChangeDraft } from '../core/registry.ts'
import { err, ok, type Result } from '../core/result.ts'
import { registeredTenants } from './configuration/declared-documents.ts'
import type { Problem } from './configuration/problem.ts'
import {
  agentExistsIn,
  commitPlanned,
  inspectTargets,
  type RegistryPorts,
  type TargetFinding,
  type WrittenBy,
} from './configuration/registry-writing.ts'
import { applySchema, type DeclaredKind } from './configuration/yaml-documents.ts'
import { checkTenant } from './read-configuration.ts'

/** One document to write: `doc` as a file would declare it (for what is written in Cedar `{ text }`, one policy or template), or null to remove it. */
export type DocumentAsk = WrittenBy & {
  readonly tenant: TenantName
  readonly kind: DeclaredKind
  readonly name: string
  readonly doc: Readonly<Record<string, unknown>> | null
  /** The revision of the document that the caller saw (If-Match). */
  readonly ifRevision?: number
}

export type DocumentOutcome =
  | {
      readonly accepted: true
      readonly revision: Revision
      readonly how: 'add' | 'change' | 'remove' | 'same'
    }
  | {
      readonly accepted: false
      readonly problems: readonly Problem[]
      readonly findings: readonly TargetFinding[]
    }

type Judged = { readonly draft: ChangeDraft } | { readonly problems: readonly Problem[] }

/**
 * Writes or removes one document, judged as a whole tenant is: what else of the tenant would no longer fit is a problem. One commit with
 * its audit event. Refuses `admin.unknown` (nothing there to remove), `document.changed` (If-Match), `document.tenant_in_use`,
 * `registry.moved_on`.
 */
export async function writeDocument(
  ask: DocumentAsk,
  ports: RegistryPorts,
): Promise<Result<DocumentOutcome, Refusal>> {
  await ports.refresh()
  const refused = preconditions(ask, ports)
  if (refused) return err(refused)
  const judged = await judge(ask, ports)
  if ('problems' in judged) return ok({ accepted: false, problems: judged.problems, findings: [] })
  const findings = await inspectTargets(ports.inspect, targetsOf(judged.draft, ports))
  if (findings.length > 0) return ok({ accepted: false, problems: [], findings })
  const committed = await commitPlanned(ports, () => {
    const again = preconditions(ask, ports)
    if (again) return err(again)
    const how = howOf(judged.draft, currentOf(ask, ports))
    const write = how === 'same' ? undefined : { changes: [judged.draft], events: [eventOf(ask, how, ports)] }
    return ok({ write, how })
  })
  if (!committed.ok) return committed
  const { revision, how } = committed.value
  return ok({ accepted: true, revision, how })
}

function currentOf({ tenant, kind, name }: DocumentAsk, ports: RegistryPorts): Change | undefined {
  const found = ports.documents().get(documentKey(tenant, kind, name))
  return found?.doc === null ? undefined : found
}

function preconditions(ask: DocumentAsk, ports: RegistryPorts): Refusal | undefined {
  const current = currentOf(ask, ports)
  const nothing = refuse('unknown', 'admin.unknown', 'There is no such tenant or object.')
  if (ask.doc === null && !current) return nothing
  if (ask.kind !== 'tenant' && !hasTenant(ask.tenant, ports)) return nothing
  if (ask.doc === null && ask.kind === 'tenant' && inUse(ask.tenant, ports))
    return refuse('denied', 'document.tenant_in_use', 'Remove what the tenant declares before the tenant.')
  if (ask.ifRevision === undefined || ask.ifRevision === (current?.revision ?? 0)) return undefined
  const says = `The document is at revision ${current?.revision ?? 0}, not ${ask.ifRevision}; read it again.`
  return refuse('denied', 'document.changed', says, { revision: current?.revision ?? 0 })
}

function hasTenant(tenant: TenantName, ports: RegistryPorts): boolean {
  const found = ports.documents().get(documentKey(tenant, 'tenant', tenant))
  return found !== undefined && found.doc !== null
}

function inUse(tenant: TenantName, ports: RegistryPorts): boolean {
  const registered = registeredTenants(ports.documents().values()).get(tenant)
  return (registered?.declared.by.size ?? 0) > 1 || (registered?.policies.length ?? 0) > 0
}

/** The whole tenant as it would be, by the checks that a folder passes. */
async function judge(ask: DocumentAsk, ports: RegistryPorts): Promise<Judged> {
  const path = `${ask.tenant}/${ask.kind}/${ask.name}`
  const place = { path, line: 1, column: 1 }
  const bad = (code: string, says: string): Judged => ({ problems: [{ ...place, code, says }] })
  if (ask.doc !== null && isWrittenInCedar(ask.kind, ask.doc)) return judgeText(ask, ports, path)
  let doc: Readonly<Record<string, unknown>> | null = null
  if (ask.doc !== null) {
    if (ask.doc[ask.kind] !== undefined && ask.doc[ask.kind] !== ask.name)
      return bad(
        'configuration.name',
        `the document names \`${String(ask.doc[ask.kind])}\`, its path \`${ask.name}\``,
      )
    if (ask.kind === 'tenant' && ask.name !== ask.tenant)
      return bad('configuration.name', `tenant \`${ask.tenant}\` can't hold a tenant \`${ask.name}\``)
    const parsed = applySchema(ask.kind, { ...ask.doc, [ask.kind]: ask.name }, () => place)
    if (!parsed.value) return { problems: parsed.problems }
    doc = parsed.value
  }
  const draft = { tenant: ask.tenant, kind: ask.kind, name: ask.name, doc } as ChangeDraft
  // Without its tenant document a tenant is no more; what it declared was asked about before.
  if (ask.kind === 'tenant' && doc === null) return { draft }
  const problems = await problemsWith(draft, ports)
  return problems.length > 0 ? { problems } : { draft }
}

async function problemsWith(draft: ChangeDraft, ports: RegistryPorts): Promise<readonly Problem[]> {
  const { registered, agentExists } = tenantWith(draft, ports)
  if (!registered) return []
  const problems = checkTenant(registered.declared, { ...ports, agentExists })
  if (problems.length > 0) return problems
  const read = await ports.readPolicies(registered.declared, registered.policies)
  return read.problems
}

function tenantWith(draft: ChangeDraft, ports: RegistryPorts) {
  const documents = new Map<string, Pick<Change, 'tenant' | 'kind' | 'name' | 'doc'>>(ports.documents())
  documents.set(documentKey(draft.tenant, draft.kind, draft.name), draft)
  const registered = registeredTenants(documents.values()).get(draft.tenant)
  return { registered, agentExists: agentExistsIn(ports.documents()) }
}

/** A policy is made of a template where it names one. */
function isWrittenInCedar(kind: DeclaredKind, doc: Readonly<Record<string, unknown>>): boolean {
  return kind === 'template' || (kind === 'policy' && doc['template'] === undefined)
}

async function judgeText(ask: DocumentAsk, ports: RegistryPorts, path: string): Promise<Judged> {
  const { tenant, kind, name, doc: given } = ask
  const text = given?.['text']
  const bad = (code: string, says: string): Judged => ({
    problems: [{ path, line: 1, column: 1, code, says }],
  })
  if (typeof text !== 'string' || Object.keys(given ?? {}).length !== 1)
    return bad('configuration.shape', `a ${kind} is written as { "text": … } in Cedar`)
  // What is there under this name, however it is made, is what this replaces.
  const before = tenantWith({ tenant, kind, name, doc: null } as ChangeDraft, ports).registered
  if (!before) return bad('configuration.no_tenant', 'there is no such tenant')
  const read = await ports.readPolicies(before.declared, [...before.policies, { path, text }])
  if (read.problems.length > 0) return { problems: read.problems }
  const own = new Set(read.sources.filter(({ file }) => file.path === path).map(({ policy }) => policy))
  const found =
    kind === 'template'
      ? read.templates.find(({ template }) => own.has(template))
      : read.policies.find(({ policy }) => own.has(policy))
  if (own.size !== 1 || !own.has(name) || found === undefined)
    return bad('configuration.name', `the text must be one ${kind} with @id(${JSON.stringify(name)})`)
  return { draft: { tenant, kind, name, doc: found } as ChangeDraft }
}

function targetsOf(draft: ChangeDraft, ports: RegistryPorts) {
  if (draft.doc === null || (draft.kind !== 'resource' && draft.kind !== 'credential')) return []
  const documents = new Map<string, Pick<Change, 'tenant' | 'kind' | 'name' | 'doc'>>(ports.documents())
  documents.set(documentKey(draft.tenant, draft.kind, draft.name), draft)
  const own = [...documents.values()].filter(({ tenant }) => tenant === draft.tenant) as ChangeDraft[]
  return own.flatMap((each) => {
    const resource: Resource | null = each.kind === 'resource' ? each.doc : null
    if (!resource?.credential) return []
    const { provider } = resource.credential
    const touched = draft.kind === 'resource' ? each.name === draft.name : provider === draft.name
    const found = own.find(({ kind, name }) => kind === 'credential' && name === provider)
    return touched && found?.kind === 'credential' && found.doc
      ? [{ tenant: draft.tenant, resource, settings: found.doc }]
      : []
  })
}

function howOf(draft: ChangeDraft, current: Change | undefined): 'add' | 'change' | 'remove' | 'same' {
  if (draft.doc === null) return 'remove'
  if (!current) return 'add'
  return isDeepStrictEqual(current.doc, draft.doc) ? 'same' : 'change'
}

/** A user's name is personal; every other name is from configuration. */
function eventOf(ask: DocumentAsk, how: 'add' | 'change' | 'remove', ports: RegistryPorts): AuditDraft {
  const personal = ask.kind === 'user' ? { user: ask.by, input: ask.name } : { user: ask.by }
  const name = ask.kind === 'user' ? {} : { name: ask.name }
  return {
    tenant: ask.tenant,
    at: ports.now(),
    kind: 'admin',
    outcome: 'done',
    reason: how === 'remove' ? 'document.removed' : 'document.written',
    personal,
    facts: { how, kind: ask.kind, ...name },
  }
}
