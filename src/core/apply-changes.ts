import type { Group } from './identity/group.ts'
import { identifyUsers } from './identity/identify-users.ts'
import { type AgentId, agentId, type Revision, type TenantName } from './ids.ts'
import type { Link } from './lifecycle/revocation.ts'
import { emptyMap, type Own, type PersistentMap, withEntry } from './persistent-map.ts'
import { BUILT_IN } from './policy/built-in-resources.ts'
import type { CedarPolicy, CedarTemplate, Entity } from './policy/cedar/cedar.ts'
import type { Condition, ConditionTest } from './policy/condition.ts'
import { changeDelegation } from './policy/delegations-for.ts'
import { COMMON_ENTITIES, type EntityMap, knownResource, resourceEntities } from './policy/entities.ts'
import { changeLinked } from './policy/linked-policies.ts'
import { nestGroups } from './policy/nest-groups.ts'
import { isLinked, type LinkedPolicy } from './policy/policy.ts'
import { changePolicies, NO_POLICIES, type PolicySet, readPolicy, readTemplate } from './policy/policy-set.ts'
import { toolsOf } from './policy/resource.ts'
import type { Refusal } from './refusal.ts'
import { type Change, DOCUMENTS, type DocumentKind, type DocumentOf } from './registry.ts'
import type { Result } from './result.ts'
import { shareTexts } from './share-texts.ts'
import { type KnownResource, NO_TENANT_DOCUMENT, type Snapshot, type TenantSnapshot } from './snapshot.ts'

export type ApplyPorts = {
  /** Makes a condition ready to be asked, or refuses its settings; from the registry of condition plug-ins. */
  readonly conditionTest: (condition: Condition) => Result<ConditionTest, Refusal>
}

/**
 * A tenant being rebuilt. What follows from several documents is made once, when the draft is closed: of policies and users it is
 * remembered which were touched. `own` is what was copied already, and so may be written.
 */
type Draft = {
  -readonly [K in keyof TenantSnapshot]: TenantSnapshot[K]
} & {
  readonly before: TenantSnapshot
  readonly name: TenantName
  readonly own: Own
  readonly policyChanges: Map<string, CedarPolicy | undefined>
  readonly templateChanges: Map<string, CedarTemplate | undefined>
  readonly linkedChanges: Map<string, LinkedPolicy | undefined>
  readonly groupChanges: Map<string, Group | undefined>
  readonly touchedUsers: Set<string>
  readonly touchedIdps: Set<string>
}

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
  const own: Own = new Set()
  let { tenants } = snapshot
  for (const [name, draft] of drafts) tenants = withEntry(tenants, name, closeDraft(draft), own)
  return { revision, tenants }
}

function openDraft(name: TenantName, known: TenantSnapshot | undefined): Draft {
  const before = known ?? emptyTenant(name)
  return {
    ...before,
    ...{ before, name, own: new Set(), policyChanges: new Map(), templateChanges: new Map() },
    ...{ linkedChanges: new Map(), groupChanges: new Map(), touchedUsers: new Set(), touchedIdps: new Set() },
  }
}

const COMMON = COMMON_ENTITIES.reduce(
  (entities, each) => withEntry(entities, each.uid.key, each),
  emptyMap<string, Entity>(),
)
const KNOWN = Array.from(BUILT_IN.values(), ({ resource, tools }) =>
  knownResource(resource, [...tools.values()]),
)
const RESOURCES = KNOWN.reduce(
  (resources, known) => withEntry(resources, known.resource.resource, known),
  emptyMap<string, KnownResource>(),
)
const ENTITIES = KNOWN.reduce((entities, known) => withEntities(entities, known, new Set()), COMMON)

function emptyTenant(name: TenantName): TenantSnapshot {
  return {
    tenant: DOCUMENTS.tenant.parse({ tenant: name, state: 'suspended' }),
    keys: emptyMap(),
    trusts: emptyMap(),
    idps: emptyMap(),
    agents: emptyMap(),
    users: emptyMap(),
    usersByName: emptyMap(),
    twins: emptyMap(),
    groups: emptyMap(),
    admissions: emptyMap(),
    gateways: emptyMap(),
    resources: RESOURCES,
    delegations: emptyMap(),
    delegationsFor: emptyMap(),
    credentials: emptyMap(),
    conditions: emptyMap(),
    policies: NO_POLICIES,
    quarantine: emptyMap(),
    definitions: emptyMap(),
    entities: ENTITIES,
    revocations: emptyMap(),
    facts: emptyMap(),
    sessionLabels: emptyMap(),
    problems: withEntry(emptyMap(), `tenant/${name}`, NO_TENANT_DOCUMENT),
  }
}

function applyOne(draft: Draft, change: Change, ports: ApplyPorts): void {
  const { kind, name } = change
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
  return doc[change.kind] === change.name ? shareTexts(doc) : undefined
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

function put<Key extends string, V>(
  draft: Draft,
  map: PersistentMap<Key, V>,
  key: Key,
  value: V | undefined,
): PersistentMap<Key, V> {
  return withEntry(map, key, value, draft.own)
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
    draft.touchedIdps.add(name)
    draft.idps = put(draft, draft.idps, name, doc)
  },
  agent: (draft, name, doc) => {
    draft.agents = put(draft, draft.agents, agentId(draft.name, name), doc)
  },
  user: (draft, name, doc) => {
    draft.touchedUsers.add(name)
    draft.usersByName = put(draft, draft.usersByName, name, doc)
  },
  group: (draft, name, doc) => {
    draft.groupChanges.set(name, doc)
  },
  admission: (draft, name, doc) => {
    draft.admissions = put(draft, draft.admissions, name as AgentId, doc)
  },
  gateway: (draft, name, doc) => {
    draft.gateways = put(draft, draft.gateways, name, doc)
  },
  resource: (draft, name, doc) => {
    if (BUILT_IN.has(name)) return doc ? `resource \`${name}\` is built in` : undefined
    const before = draft.resources.get(name)
    const known = doc && knownResource(doc, toolsOf(doc))
    if (before) draft.entities = withoutEntities(draft.entities, before, draft.own)
    if (known) draft.entities = withEntities(draft.entities, known, draft.own)
    draft.resources = put(draft, draft.resources, name, known)
    return undefined
  },
  delegation: (draft, name, doc) => {
    const before = draft.delegations.get(name)
    draft.delegationsFor = changeDelegation(draft.delegationsFor, draft.name, before, doc, draft.own)
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
  template: (draft, name, doc) => {
    const template = doc && readTemplate(doc)
    if (template && !template.ok) return `template \`${name}\`: ${template.error.says}`
    draft.templateChanges.set(name, template?.value)
    return undefined
  },
  policy: (draft, name, doc) => {
    const linked = doc && isLinked(doc) ? doc : undefined
    const policy = doc && !isLinked(doc) ? readPolicy(doc) : undefined
    if (policy && !policy.ok) return `policy \`${name}\`: ${policy.error.says}`
    draft.policyChanges.set(name, policy?.value)
    if (linked || draft.policies.linked.byName.has(name) || draft.linkedChanges.has(name))
      draft.linkedChanges.set(name, linked)
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
  quarantine: (draft, name, doc) => {
    draft.quarantine = put(draft, draft.quarantine, name, doc)
  },
  definition: (draft, name, doc) => {
    draft.definitions = put(draft, draft.definitions, name, doc)
  },
}

function withEntities(entities: EntityMap, known: KnownResource, own: Own): EntityMap {
  let next = entities
  for (const each of resourceEntities(known)) next = withEntry(next, each.uid.key, each, own)
  return next
}

function withoutEntities(entities: EntityMap, known: KnownResource, own: Own): EntityMap {
  let next = entities
  for (const { uid } of resourceEntities(known)) next = withEntry(next, uid.key, undefined, own)
  return next
}

/** What follows from several documents is made once, after the batch. A tenant of which nothing is left is gone. */
function closeDraft(draft: Draft): TenantSnapshot | undefined {
  const { before, own, name, policyChanges, templateChanges, linkedChanges, ...changed } = draft
  const { groupChanges, touchedUsers, touchedIdps, broken, ...rest } = changed
  const { users, twins } = identifyUsers({ name, before, after: draft, touchedUsers, touchedIdps, own })
  const policies = closePolicies(draft)
  const { groups, entities, problems: known } = closeGroups(draft)
  const problems = put(draft, known, 'user', sayTwins(twins))
  const tenant: TenantSnapshot = { ...rest, users, twins, groups, entities, policies, problems }
  // The same of several, whatever order they came in.
  const [first] = [...problems].sort(([a], [b]) => (a < b ? -1 : 1))
  if (first === undefined) return tenant
  if (problems.get(`tenant/${name}`) === NO_TENANT_DOCUMENT && holdsNothing(tenant)) return undefined
  return { ...tenant, broken: first[1] }
}

/** Policies that are made of templates are made here, once all templates of the batch are known. What can't be made is a problem. */
function closePolicies(draft: Draft): PolicySet {
  const { policyChanges, templateChanges: templates, linkedChanges: documents, own } = draft
  if (policyChanges.size + templates.size === 0) return draft.policies
  const { linked, made } = changeLinked(draft.policies.linked, { templates, documents }, own)
  for (const [name, policy] of made) {
    policyChanges.set(name, policy.ok ? policy.value : undefined)
    const problem = policy.ok ? undefined : `policy \`${name}\`: ${policy.error.says}`
    draft.problems = put(draft, draft.problems, `policy/${name}`, problem)
  }
  return { ...changePolicies(draft.policies, policyChanges), linked }
}

function closeGroups(draft: Draft): Pick<Draft, 'groups' | 'entities' | 'problems'> {
  const { groupChanges, groups, entities, problems, own } = draft
  if (groupChanges.size === 0) return { groups, entities, problems }
  const { problem, ...nested } = nestGroups(groups, groupChanges, entities, own)
  return { ...nested, problems: put(draft, problems, 'group', problem) }
}

function sayTwins(twins: TenantSnapshot['twins']): string | undefined {
  const [[one, other] = []] = twins.values()
  return one && other && `users \`${one.user}\` and \`${other.user}\` are the same person`
}

/** Nothing but what every tenant has from the start. */
function holdsNothing(tenant: TenantSnapshot): boolean {
  const {
    tenant: _tenant,
    policies,
    resources,
    problems,
    entities: _entities,
    broken: _broken,
    ...maps
  } = tenant
  const left = Object.values(maps).some(({ size }) => size > 0)
  const { byName, linked } = policies
  const size = byName.size + linked.byName.size + linked.templates.size
  return !left && size === 0 && resources.size <= BUILT_IN.size && problems.size <= 1
}
