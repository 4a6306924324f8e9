import type { User } from './identity/user.ts'
import { userId } from './identity/user.ts'
import { type AgentId, agentId, type Revision, type TenantName, type UserId } from './ids.ts'
import type { Link } from './lifecycle/revocation.ts'
import { NO_ENTITIES } from './policy/cedar/cedar.ts'
import type { Condition, ConditionTest } from './policy/condition.ts'
import { resourceEntities } from './policy/entities.ts'
import { FACTS, FACTS_RESOURCE } from './policy/facts-resource.ts'
import { NO_POLICIES, policySetOf, readPolicy } from './policy/policy-set.ts'
import { toolsOf } from './policy/resource.ts'
import type { Refusal } from './refusal.ts'
import { type Change, DOCUMENTS, type DocumentKind, type DocumentOf } from './registry.ts'
import type { Result } from './result.ts'
import { NO_TENANT_DOCUMENT, type Snapshot, type TenantSnapshot } from './snapshot.ts'

export type ApplyPorts = {
  /** Makes a condition ready to be asked, or refuses its settings; from the registry of condition plug-ins. */
  readonly conditionTest: (condition: Condition) => Result<ConditionTest, Refusal>
}

/** A tenant being rebuilt. `own` are the maps that were copied already, and so may be written. */
type Draft = {
  -readonly [K in keyof TenantSnapshot]: TenantSnapshot[K]
} & { readonly own: Set<unknown>; readonly name: TenantName; readonly touched: Set<DocumentKind> }

type Committed = { readonly revision: Revision; readonly ports: ApplyPorts }
/** Puts a document in its place, or takes it away (`undefined`). Answers why it can't be used, if so. */
type Place<K extends DocumentKind> = (
  draft: Draft,
  name: string,
  doc: DocumentOf<K> | undefined,
  committed: Committed,
) => string | undefined

/**
 * The snapshot after some committed changes; the old one is left as it was, and what didn't change is shared. Order among the documents
 * of a batch doesn't matter. Never throws: a stored document that can't be used makes its own tenant `broken`, which denies, until
 * it is replaced.
 */
export function applyChanges(snapshot: Snapshot, changes: readonly Change[], ports: ApplyPorts): Snapshot {
  if (changes.length === 0) return snapshot
  const drafts = new Map<TenantName, Draft>()
  let { revision } = snapshot
  for (const change of changes) {
    const draft = drafts.get(change.tenant) ?? openDraft(change.tenant, snapshot.tenants.get(change.tenant))
    drafts.set(change.tenant, draft)
    applyOne(draft, change, ports)
    if (change.revision > revision) revision = change.revision
  }
  const tenants = new Map(snapshot.tenants)
  for (const [name, draft] of drafts) {
    const closed = closeDraft(draft)
    if (closed) tenants.set(name, closed)
    else tenants.delete(name)
  }
  return { revision, tenants }
}

function openDraft(name: TenantName, before: TenantSnapshot | undefined): Draft {
  return { ...(before ?? emptyTenant(name)), own: new Set(), name, touched: new Set() }
}

function emptyTenant(name: TenantName): TenantSnapshot {
  return {
    tenant: DOCUMENTS.tenant.parse({ tenant: name, state: 'suspended' }),
    keys: new Map(),
    trusts: new Map(),
    idps: new Map(),
    agents: new Map(),
    users: new Map(),
    usersByName: new Map(),
    admissions: new Map(),
    gateways: new Map(),
    resources: new Map([[FACTS_RESOURCE, FACTS]]),
    delegations: new Map(),
    credentials: new Map(),
    conditions: new Map(),
    policies: NO_POLICIES,
    entities: NO_ENTITIES,
    revocations: new Map(),
    facts: new Map(),
    sessionLabels: new Map(),
    problems: new Map([[`tenant/${name}`, NO_TENANT_DOCUMENT]]),
  }
}

function applyOne(draft: Draft, change: Change, ports: ApplyPorts): void {
  const { kind, name } = change
  draft.touched.add(kind)
  const committed = { revision: change.revision, ports }
  const doc = usable(change)
  const problem =
    doc === undefined
      ? `${kind} \`${name}\` does not have the shape of one`
      : place(draft, kind, name, doc, committed)
  // What can't be used is taken out of its place too: nothing may be decided by the document that it was to replace.
  if (problem !== undefined) place(draft, kind, name, null, committed)
  draft.problems = put(draft, draft.problems, `${kind}/${name}`, problem)
  if (kind === 'tenant' && name === draft.name && change.doc === null)
    draft.problems = put(draft, draft.problems, `tenant/${draft.name}`, NO_TENANT_DOCUMENT)
}

/** Documents cross a border here (the database, the wire), so the kind's schema is applied again. Its name must be its own. */
function usable(change: Change): object | null | undefined {
  if (change.doc === null) return null
  if (!Object.hasOwn(DOCUMENTS, change.kind)) return undefined
  const parsed = DOCUMENTS[change.kind].safeParse(change.doc)
  if (!parsed.success) return undefined
  const doc: Readonly<Record<string, unknown>> = parsed.data
  return doc[change.kind] === change.name ? doc : undefined
}

function place<K extends DocumentKind>(
  draft: Draft,
  kind: K,
  name: string,
  doc: object | null,
  committed: Committed,
): string | undefined {
  const put: Place<K> | undefined = PLACES[kind]
  return put?.(draft, name, doc === null ? undefined : (doc as DocumentOf<K>), committed)
}

function put<Key, V>(
  draft: Draft,
  map: ReadonlyMap<Key, V>,
  key: Key,
  value: V | undefined,
): ReadonlyMap<Key, V> {
  const own = draft.own.has(map) ? (map as Map<Key, V>) : new Map(map)
  draft.own.add(own)
  if (value === undefined) own.delete(key)
  else own.set(key, value)
  return own
}

const PLACES: { readonly [K in DocumentKind]: Place<K> } = {
  tenant: (draft, name, doc) => {
    if (name !== draft.name) return doc ? `tenant \`${name}\` is stored in another tenant` : undefined
    draft.tenant = doc ?? emptyTenant(draft.name).tenant
    return undefined
  },
  trust: (draft, name, doc) => {
    draft.trusts = put(draft, draft.trusts, name, doc)
  },
  idp: (draft, name, doc) => {
    draft.idps = put(draft, draft.idps, name, doc)
  },
  agent: (draft, name, doc) => {
    draft.agents = put(draft, draft.agents, agentId(draft.name, name), doc)
  },
  user: (draft, name, doc) => {
    draft.usersByName = put(draft, draft.usersByName, name, doc)
  },
  admission: (draft, name, doc) => {
    draft.admissions = put(draft, draft.admissions, name as AgentId, doc)
  },
  gateway: (draft, name, doc) => {
    draft.gateways = put(draft, draft.gateways, name, doc)
  },
  resource: (draft, name, doc) => {
    if (name === FACTS_RESOURCE) return doc ? `resource \`${name}\` is built in` : undefined
    const tools = doc && new Map(toolsOf(doc).map((tool) => [tool.name, tool]))
    draft.resources = put(draft, draft.resources, name, doc && tools && { resource: doc, tools })
    return undefined
  },
  delegation: (draft, name, doc) => {
    draft.delegations = put(draft, draft.delegations, name, doc)
  },
  credential: (draft, name, doc) => {
    draft.credentials = put(draft, draft.credentials, name, doc)
  },
  condition: (draft, name, doc, { ports }) => {
    const test = doc && ports.conditionTest(doc)
    if (test && !test.ok) return `condition \`${name}\`: ${test.error.says}`
    const ready = doc && test && { condition: doc, test: test.value }
    draft.conditions = put(draft, draft.conditions, name, ready)
    return undefined
  },
  policy: (draft, name, doc) => {
    const policy = doc && readPolicy(doc)
    if (policy && !policy.ok) return `policy \`${name}\`: ${policy.error.says}`
    const byName = put(draft, draft.policies.byName, name, policy?.value)
    draft.policies = { ...draft.policies, byName }
    return undefined
  },
  revocation: (draft, name, doc, { revision }) => {
    const revoked = doc && { at: revision, standing: doc.standing, reason: doc.reason }
    draft.revocations = put(draft, draft.revocations, name as Link, revoked)
    return undefined
  },
  fact: (draft, name, doc) => {
    draft.facts = put(draft, draft.facts, name, doc)
  },
  key: (draft, name, doc) => {
    draft.keys = put(draft, draft.keys, name, doc)
  },
  'session-label': (draft, name, doc) => {
    draft.sessionLabels = put(draft, draft.sessionLabels, name, doc)
  },
}

/** What follows from several documents is made once, after the batch. A tenant of which nothing is left is gone. */
function closeDraft(draft: Draft): TenantSnapshot | undefined {
  const { own: _own, name, touched, broken: _broken, ...rest } = draft
  let { users, entities, policies, problems } = rest
  if (touched.has('user') || touched.has('idp')) {
    const found = identifyUsers(draft)
    users = found.users
    problems = put(draft, problems, 'user', found.problem)
  }
  if (touched.has('resource') || entities === NO_ENTITIES)
    entities = resourceEntities(rest.resources.values())
  if (touched.has('policy')) policies = policySetOf(policies.byName)
  const [broken] = problems.values()
  const tenant = { ...rest, users, entities, policies, problems }
  if (broken === undefined) return tenant
  return problems.get(`tenant/${name}`) === NO_TENANT_DOCUMENT && holdsNothing(tenant)
    ? undefined
    : { ...tenant, broken }
}

type Identified = { readonly tenant: TenantName; readonly issuer: string; readonly id: UserId }
/** Hashes are made once for each document, not at each change of some user. */
const ids = new WeakMap<User, Identified>()

/** A user is (tenant, `iss`, `sub`): two documents for the same person would make the order of writing decide. */
function identifyUsers(draft: Draft): {
  readonly users: ReadonlyMap<UserId, User>
  readonly problem?: string
} {
  const users = new Map<UserId, User>()
  for (const user of draft.usersByName.values()) {
    const issuer = draft.idps.get(user.idp)?.issuer
    if (issuer === undefined) continue
    const id = idOf(user, issuer, draft.name)
    const other = users.get(id)
    if (other) return { users, problem: `users \`${other.user}\` and \`${user.user}\` are the same person` }
    users.set(id, user)
  }
  return { users }
}

function idOf(user: User, issuer: string, tenant: TenantName): UserId {
  const known = ids.get(user)
  if (known?.issuer === issuer && known.tenant === tenant) return known.id
  const id = userId(tenant, issuer, user.sub)
  ids.set(user, { tenant, issuer, id })
  return id
}

function holdsNothing(tenant: TenantSnapshot): boolean {
  const { tenant: _tenant, policies, resources, problems, entities: _entities, ...maps } = tenant
  const left = Object.values(maps).some((map) => map instanceof Map && map.size > 0)
  return !left && policies.byName.size === 0 && resources.size <= 1 && problems.size <= 1
}
