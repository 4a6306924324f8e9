import { clientLinkName } from '../core/identity/oauth-client.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { AgentId, TenantName } from '../core/ids.ts'
import { type Link, type LinkKind, link, parseLink } from '../core/lifecycle/revocation.ts'
import { namedAgent } from '../core/policy/question.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'

/**
 * The link that a person means when they name something of their tenant: agents and users by name, as they know them. What has a name
 * must be there, so that a typing mistake revokes nothing and says so; what has only an id is taken as it is, since it counts in
 * this tenant alone.
 */
export function revocableLink(tenant: TenantSnapshot, text: string): Result<Link, Refusal> {
  const parsed = parseLink(text)
  if (parsed === undefined || text.length > 300) {
    return err(
      refuse('malformed', 'link.malformed', 'A link is kind:name, such as agent:pipeline or session:ses_….'),
    )
  }
  const at = parsed.indexOf(':')
  const kind = parsed.slice(0, at) as LinkKind
  const found = FIND[kind](tenant, parsed.slice(at + 1))
  if (found !== undefined) return ok(link(kind, found))
  return err(refuse('unknown', 'link.unknown', `This tenant has no such ${kind}.`))
}

/** The name inside the link, or undefined when the tenant has none such. */
type Find = (tenant: TenantSnapshot, name: string) => string | undefined

const ID = /^[\w.:@/+=-]{1,260}$/
const byId: Find = (_tenant, name) => (ID.test(name) ? name : undefined)
/** A client is named by its id, or by the digest that stands in the audit. */
const CLIENT_DIGEST = /^cl_[\w-]{22}$/
const USER_ID = /^usr_[a-z2-7]{16}$/

const named =
  (of: (tenant: TenantSnapshot) => ReadonlyMap<string, unknown>): Find =>
  (tenant, name) =>
    of(tenant).has(name) ? name : undefined

const FIND: Readonly<Record<LinkKind, Find>> = {
  tenant: (tenant, name) => (name === tenant.tenant.tenant ? name : undefined),
  agent: (tenant, name) => {
    const id = namedAgent(tenant.tenant.tenant as TenantName, name)
    return tenant.agents.has(id) || tenant.admissions.has(id) ? id : undefined
  },
  admission: (tenant, name) => (tenant.admissions.has(name as AgentId) ? name : undefined),
  user: (tenant, name) => {
    if (USER_ID.test(name)) return name
    const doc = tenant.usersByName.get(name)
    for (const [id, user] of tenant.users) if (user === doc) return id
    return undefined
  },
  delegation: named((tenant) => tenant.delegations),
  resource: named((tenant) => tenant.resources),
  trust: named((tenant) => tenant.trusts),
  gateway: (tenant, name) =>
    tenant.tenant.tenant === OPERATOR && tenant.gateways.has(name) ? name : undefined,
  client: (_tenant, name) => (CLIENT_DIGEST.test(name) ? name : clientLinkName(name)),
  session: byId,
  login: byId,
  key: byId,
  token: byId,
  lease: byId,
}
