import { type Documents, documentKey } from './documents.ts'
import type { Admission } from './identity/admission.ts'
import type { Agent } from './identity/agent.ts'
import type { Gateway } from './identity/gateway.ts'
import type { IdentityProvider } from './identity/identity-provider.ts'
import { type AgentId, parseAgentId, type Revision, splitAgentId, type TenantName } from './ids.ts'
import { type Link, parseLink } from './lifecycle/revocation.ts'
import type { CedarPolicy, CedarTemplate } from './policy/cedar/cedar.ts'
import type { Definition } from './policy/definition.ts'
import { agentUid, groupUid } from './policy/entities.ts'
import { makePolicy } from './policy/linked-policies.ts'
import { isLinked, type Policy, type Template } from './policy/policy.ts'
import { readPolicy, readTemplate } from './policy/policy-set.ts'
import type { Refusal } from './refusal.ts'
import type { Change, ChangeDraft, DocumentKind } from './registry.ts'
import type { Result } from './result.ts'

/**
 * What one gateway may see, as the newest change of each document (removed ones are left out). Of its listed tenants: what decides
 * there; not whom they trust to attest, nor how credentials are obtained, nor other gateways. Of an admitted agent's home: the
 * tenant's own document, that agent, what home forbids it, and what was revoked of it. Nothing of any other tenant, and of no tenant
 * a resource that the gateway doesn't serve, if its entry names some.
 */
export function visibleTo(gateway: Gateway, documents: Documents): readonly Change[] {
  const listed = new Set<string>(gateway.tenants)
  const guests = guestsOf(listed, documents)
  const homes = new Map([...guests].map(([home, agents]) => [home, homeViewOf(home, agents, documents)]))
  const seen: Change[] = []
  for (const change of documents.values()) {
    if (change.doc === null) continue
    const shown = listed.has(change.tenant)
      ? shownOfListed(change, gateway)
      : homes.get(change.tenant)?.(change)
    if (shown) seen.push(shown)
  }
  return seen.sort((a, b) => a.revision - b.revision)
}

/** The changes that bring a gateway from what it was shown to what it may see now. What is no longer visible is removed. */
export function visibleChanges(
  before: readonly Change[],
  now: readonly Change[],
  revision: Revision,
): readonly Change[] {
  const gone = new Map(before.map((change) => [keyOf(change), change]))
  const changes: Change[] = []
  for (const change of now) {
    const old = gone.get(keyOf(change))
    gone.delete(keyOf(change))
    if (old === undefined || !isSame(old, change)) changes.push(change)
  }
  for (const { tenant, kind, name } of gone.values()) {
    const removed: ChangeDraft = { tenant, kind, name, doc: null }
    changes.push({ ...removed, revision })
  }
  return changes
}

/** A document may be shown in full that was shown in part before, without having changed. */
function isSame(old: Change, now: Change): boolean {
  if (old.revision !== now.revision) return false
  return old.doc === now.doc || JSON.stringify(old.doc) === JSON.stringify(now.doc)
}

function keyOf({ tenant, kind, name }: Change): string {
  return documentKey(tenant, kind, name)
}

/** Kinds of a listed tenant that a gateway decides without. Whom to attest and how to log in is the authority's alone. */
const KEPT_BACK: ReadonlySet<DocumentKind> = new Set(['trust', 'credential', 'gateway'])

/** Of a listed tenant's document, what the gateway may see of it. */
export function shownOfListed(change: Change, gateway: Gateway): Change | undefined {
  if (KEPT_BACK.has(change.kind)) return undefined
  if (change.kind === 'resource' && gateway.resources?.includes(change.name) === false) return undefined
  // A user is (tenant, iss, sub), so a gateway needs the provider's issuer, and no more of it.
  if (change.kind === 'definition') return shownDefinition(change, gateway)
  if (change.kind === 'idp' && change.doc !== null) return { ...change, doc: issuerOnly(change.doc) }
  return change
}

/** Hashes decide; what the texts say is for people to look at, at the authority. */
function shownDefinition(change: Change & { kind: 'definition' }, gateway: Gateway): Change | undefined {
  const [resource = ''] = change.name.split('/')
  if (gateway.resources?.includes(resource) === false) return undefined
  if (change.doc === null) return change
  const { definition, accepted, waiting } = change.doc
  const doc: Definition = { definition }
  if (accepted) doc.accepted = { ...accepted, text: '' }
  if (waiting) doc.waiting = { ...waiting, text: '' }
  return { ...change, doc }
}

function issuerOnly({ idp, issuer, users, keys_survive }: IdentityProvider): IdentityProvider {
  return { idp, issuer, users, keys_survive, clients: {}, allow_private: [], attributes: {} }
}

/** The tenants that aren't listed and of which a gateway sees what concerns their guests. */
export function homesOf(gateway: Gateway, documents: Documents): ReadonlySet<string> {
  return new Set(guestsOf(new Set(gateway.tenants), documents).keys())
}

/** Agents that a listed tenant admits, by their home, where that home isn't listed itself. */
function guestsOf(
  listed: ReadonlySet<string>,
  documents: Documents,
): ReadonlyMap<TenantName, ReadonlySet<AgentId>> {
  const guests = new Map<TenantName, Set<AgentId>>()
  for (const change of documents.values()) {
    if (change.kind !== 'admission' || change.doc === null || !listed.has(change.tenant)) continue
    const id = admitted(change.doc)
    if (id === undefined || listed.has(splitAgentId(id).home)) continue
    const { home } = splitAgentId(id)
    guests.set(home, (guests.get(home) ?? new Set<AgentId>()).add(id))
  }
  return guests
}

function admitted(admission: Admission): AgentId | undefined {
  return parseAgentId(admission.admission)
}

type Shown = (change: Change) => Change | undefined

/** What of a home concerns its guests abroad. */
function homeViewOf(home: TenantName, guests: ReadonlySet<AgentId>, documents: Documents): Shown {
  const groups = groupsOf(home, guests, documents)
  const forbids = forbidsOf(home, guests, groups, documents)
  const agentOf = (name: string) => [...guests].find((id) => splitAgentId(id).agent === name)
  const subjects = new Set<string>([...guests].map((id) => `agent:${id}`))
  return (change) => {
    if (change.doc === null) return undefined
    switch (change.kind) {
      case 'tenant':
        return change
      case 'agent':
        return agentOf(change.name) && { ...change, doc: withoutProof(change.doc) }
      case 'group':
        return groups.has(groupUid(change.doc).key) ? change : undefined
      case 'policy':
      case 'quarantine':
        return forbids.policies.has(change.name) ? change : undefined
      case 'template':
        return forbids.templates.has(change.name) ? change : undefined
      case 'condition':
        return forbids.conditions.has(change.name) ? change : undefined
      case 'fact':
        return forbids.conditions.size > 0 && subjects.has(change.doc.subject) ? change : undefined
      case 'revocation':
        return concerns(change.name, home, subjects)
          ? { ...change, doc: { ...change.doc, reason: '' } }
          : undefined
      default:
        return undefined
    }
  }
}

/** The groups that the guests are in at home, directly or not, by the key that policies name them by. */
function groupsOf(home: TenantName, guests: ReadonlySet<AgentId>, documents: Documents): ReadonlySet<string> {
  const found = new Set<string>()
  const open = [...guests].flatMap((id) => {
    const agent = documents.get(documentKey(home, 'agent', splitAgentId(id).agent))
    return agent?.kind === 'agent' ? (agent.doc?.groups ?? []) : []
  })
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const { key } = groupUid({ of: 'agents', group: name })
    if (found.has(key)) continue
    found.add(key)
    const group = documents.get(documentKey(home, 'group', name))
    if (group?.kind === 'group') open.push(...(group.doc?.in ?? []))
  }
  return found
}

/** How the agent is attested is between it and its home; that it is proven is in its token. */
function withoutProof(agent: Agent): Agent {
  return { ...agent, is: { trust: agent.is.trust } }
}

type Forbids = {
  readonly policies: ReadonlySet<string>
  /** What those are made of that are linked policies. */
  readonly templates: ReadonlySet<string>
  readonly conditions: ReadonlySet<string>
}

/** Forbids that could meet one of the guests, and the conditions they name. One that can't be read is shown: it must deny here too. */
function forbidsOf(
  home: TenantName,
  guests: ReadonlySet<AgentId>,
  groups: ReadonlySet<string>,
  documents: Documents,
): Forbids {
  const names = new Set([...groups, ...[...guests].map((id) => agentUid(id, home).key)])
  const found = { policies: new Set<string>(), templates: new Set<string>(), conditions: new Set<string>() }
  const templates = templatesOf(home, documents)
  for (const { tenant, kind, doc, name } of documents.values()) {
    if (kind !== 'policy' || tenant !== home || doc === null) continue
    const read = readForbid(doc, templates)
    if (read === undefined || (read.ok && !mayMeet(read.value, names))) continue
    found.policies.add(name)
    if (isLinked(doc)) found.templates.add(doc.template)
    for (const each of read.ok ? read.value.conditions.names : []) found.conditions.add(each)
  }
  return found
}

type Templates = ReadonlyMap<
  string,
  { readonly doc: Template; readonly read: Result<CedarTemplate, Refusal> }
>

function templatesOf(home: TenantName, documents: Documents): Templates {
  const found = new Map<string, { doc: Template; read: Result<CedarTemplate, Refusal> }>()
  for (const { tenant, kind, doc, name } of documents.values())
    if (kind === 'template' && tenant === home && doc !== null)
      found.set(name, { doc, read: readTemplate(doc) })
  return found
}

/** A forbid of a home, or why it can't be read; nothing for what permits. */
function readForbid(doc: Policy, templates: Templates): Result<CedarPolicy, Refusal> | undefined {
  if (!isLinked(doc)) return doc.effect === 'forbid' ? readPolicy(doc) : undefined
  const template = templates.get(doc.template)
  if (template?.doc.effect === 'permit') return undefined
  const read = template?.read
  if (read?.ok === false) return read
  return makePolicy(doc, { get: () => read?.value })
}

function mayMeet({ scope: { principal } }: CedarPolicy, guests: ReadonlySet<string>): boolean {
  switch (principal.op) {
    case 'all':
      return true
    case '==':
      return guests.has(principal.entity.key)
    case 'in':
      return principal.entities.some(({ key }) => guests.has(key))
    case 'is':
      return principal.type === 'Agent' && (principal.in === undefined || guests.has(principal.in.key))
  }
}

/** Keys and tokens are random names, so they tell nothing; which of them is the guest's, only its token says. */
function concerns(name: string, home: TenantName, subjects: ReadonlySet<string>): boolean {
  const link: Link | undefined = parseLink(name)
  if (link === undefined) return false
  return (
    subjects.has(link) || link === `tenant:${home}` || link.startsWith('key:') || link.startsWith('token:')
  )
}
